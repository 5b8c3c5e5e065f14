import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { Refusal } from './problem.js';

/** Who may use the admin API. */
export interface AccessRules {
  /** What changes have to bear; undefined: everything is for loopback peers only. */
  readonly token: string | undefined;
  /** Names that a Host header may have, besides addresses and localhost. */
  readonly hosts: readonly string[];
}

/** What is known of a request before its body is read. */
export interface Asked {
  /** Whether it would change something, or only read. */
  readonly changes: boolean;
  /** Whether the peer is on this machine: a loopback address, or a Unix socket. */
  readonly local: boolean;
  /** Whether a body follows. */
  readonly hasBody: boolean;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * Why a request is not for its sender; undefined if it is. In this order:
 *
 * - Its Host must be one that no foreign name server can point at us (DNS rebinding): to a browser that was fooled, the
 *   attacker's page and this API are one origin, and only Host tells.
 * - Without a token, its peer must be on this machine.
 * - No other site's page may have sent it (CSRF): browsers say so by Origin, and by Sec-Fetch-Site where they trust the
 *   connection. Another port of this machine is another site too.
 * - A change must bear the token, where there is one.
 * - A change's body must be JSON: what a page can send without asking first is never of that type.
 */
export function refusalOf(asked: Asked, rules: AccessRules): Refusal | undefined {
  const host = one(asked.headers.host);
  if (host === undefined || !isAllowedHost(host, rules.hosts)) {
    return {
      status: 403,
      code: 'host-not-allowed',
      detail: 'The Host header must be an address, localhost, or a name in admin.hosts.',
    };
  }
  if (rules.token === undefined && !asked.local) {
    return {
      status: 403,
      code: 'not-loopback',
      detail: 'Without admin.token the API answers peers on the loopback only.',
    };
  }
  if (isForeign(asked, host)) {
    return { status: 403, code: 'cross-origin', detail: 'Pages of other sites may not use the API.' };
  }
  if (!asked.changes) return undefined;
  if (rules.token !== undefined) {
    const refusal = withoutToken(one(asked.headers.authorization), rules.token);
    if (refusal !== undefined) return refusal;
  }
  if (asked.hasBody && !isJson(one(asked.headers['content-type']))) {
    return {
      status: 415,
      code: 'unsupported-media-type',
      detail: 'A body must be of the type application/json.',
      headers: { accept: 'application/json' },
    };
  }
  return undefined;
}

/** Whether an address is the machine's own loopback; also one of IPv4 written as IPv6. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const bare = address.replace(/^::ffff:/i, '');
  return bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** A header that is there once; several lines of it are as good as none. */
function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Host is a name or an address, with or without a port (RFC 9110, 7.2). */
function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host);
  if (bracketed !== null) return isIP(bracketed[1] ?? '') === 6;
  const name = host.replace(/:\d*$/, '').toLowerCase();
  return isIP(name) === 4 || name === 'localhost' || allowed.some((other) => other.toLowerCase() === name);
}

function isForeign({ changes, headers }: Asked, host: string): boolean {
  const { origin } = headers;
  if (origin !== undefined && originHost(one(origin)) !== host.toLowerCase()) return true;
  const site = one(headers['sec-fetch-site']);
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  // A link on another page may lead here; nothing is changed by following it, and that page does not see what it shows.
  const followed = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return changes || !followed;
}

/** The host and port of an Origin; undefined for `null` and for what is none. */
function originHost(origin: string | undefined): string | undefined {
  const match = /^https?:\/\/([^/?#@\\]+)$/i.exec(origin ?? '');
  return match?.[1]?.toLowerCase();
}

function withoutToken(authorization: string | undefined, token: string): Refusal | undefined {
  const sent = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (sent !== undefined && isSame(sent, token)) return undefined;
  const error = sent === undefined ? '' : ', error="invalid_token"';
  return {
    status: 401,
    code: 'unauthorized',
    detail: 'Changes need Authorization: Bearer with admin.token.',
    headers: { 'www-authenticate': `Bearer realm="outrigger"${error}` },
  };
}

/** Compares in a time that does not tell how much of the token was right. */
function isSame(sent: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(sent), digest(token));
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/json *(?:;|$)/i.test(contentType ?? '');
}
