import { METHODS } from 'node:http';
import { type Address, formatAddress } from '../config/addresses.js';
import { parseTarget } from '../edge/target.js';
import { OutriggerError } from '../errors.js';
import { isValidHost } from '../routing/host.js';
import type { RoutedRequest } from '../routing/match.js';

/** A call that somebody asks about. */
export interface AskedCall extends RoutedRequest {
  /** With its question mark; empty without one. */
  readonly query: string;
  /** A WebSocket handshake. */
  readonly upgrade: boolean;
  /** Bytes of its body, where the headers say it. */
  readonly bodyBytes: number;
}

/** What was asked makes no call; its message says why. */
export class AskedWrongly extends Error {
  override readonly name = 'AskedWrongly';
}

/**
 * The call that METHOD, URL and headers stand for, read as the edge reads it. A URL's host counts as Host; with a path only
 * and no Host header it is the first address where calls are taken, as for an app whose base URL is that.
 *
 * @param headers `name: value` each
 * @throws AskedWrongly
 */
export function askedCall(
  method: string,
  url: string,
  headers: readonly string[],
  listen: readonly Address[],
): AskedCall {
  checkMethod(method);
  const values = headerValues(headers);
  const { path, query, authority } = target(url);
  const host = authority ?? values.get('host') ?? ownHost(listen);
  if (!isValidHost(host)) throw new AskedWrongly(`'${host}' is no host`);
  return {
    method,
    host,
    path,
    query,
    header: (name) => values.get(name),
    upgrade: values.get('upgrade')?.toLowerCase() === 'websocket',
    bodyBytes: bodyBytes(values),
  };
}

function checkMethod(method: string): void {
  if (method === 'CONNECT') throw new AskedWrongly('CONNECT is answered with 501: tunnels are not proxied');
  if (METHODS.includes(method)) return;
  const upper = method.toUpperCase();
  const meant = METHODS.includes(upper) ? `: did you mean ${upper}?` : '';
  throw new AskedWrongly(`'${method}' is no method${meant}`);
}

function target(url: string) {
  try {
    return parseTarget(url);
  } catch (error) {
    if (!(error instanceof OutriggerError)) throw error;
    throw new AskedWrongly(`'${url}': ${error.message}`);
  }
}

/** By their names in lower case; several lines of one are joined as RFC 9110, 5.3 says. */
function headerValues(headers: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const header of headers) {
    const [, name, value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/.exec(header) ?? [];
    if (name === undefined) throw new AskedWrongly(`'${header}' is no header: write 'name: value'`);
    const lower = name.toLowerCase();
    const before = values.get(lower);
    values.set(lower, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
  }
  return values;
}

function ownHost([first]: readonly Address[]): string {
  return first === undefined || first.kind === 'unix'
    ? 'localhost'
    : formatAddress({ ...first, host: first.host ?? 'localhost' });
}

function bodyBytes(headers: ReadonlyMap<string, string>): number {
  if (headers.has('transfer-encoding')) return Infinity;
  const length = headers.get('content-length');
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : 0;
}
