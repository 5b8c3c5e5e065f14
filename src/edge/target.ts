import { OutriggerError } from '../errors.js';
import { isValidHost } from '../routing/host.js';
import { normalizePath } from '../routing/path.js';
import type { RouteMatch } from '../routing/match.js';
import type { Rewrite } from './route.js';

/** Where a request wants to go, as it was sent. */
export interface RequestTarget {
  readonly path: string;
  /** With its question mark; empty without one. */
  readonly query: string;
  /** The authority of an absolute-form target, which replaces Host (RFC 9112, 3.2.2). */
  readonly authority: string | undefined;
}

/** Takes a request target apart (RFC 9112, 3.2). Throws `bad-request` for one that no origin server could be asked. */
export function parseTarget(target: string): RequestTarget {
  // A service that took it off would see another path than the one that chose the route.
  if (target.includes('#')) {
    throw new OutriggerError('bad-request', 'the request target has a fragment', { reason: 'target' });
  }
  if (target.startsWith('/')) return split(target, undefined);
  const scheme = /^https?:\/\//i.exec(target);
  if (scheme === null) {
    if (target === '*') {
      throw new OutriggerError('bad-request', 'OPTIONS * asks the proxy itself and is not passed on', {
        reason: 'method',
      });
    }
    throw new OutriggerError('bad-request', 'the request target is neither a path nor an http URL', {
      reason: 'target',
    });
  }
  const start = scheme[0].length;
  const length = target.slice(start).search(/[/?#]/);
  const end = length === -1 ? target.length : start + length;
  const authority = target.slice(start, end);
  if (authority === '' || !isValidHost(authority)) {
    throw new OutriggerError('bad-request', "the request target's authority is malformed", { reason: 'target' });
  }
  const rest = target.slice(end);
  return split(rest.startsWith('/') ? rest : `/${rest}`, authority);
}

function split(target: string, authority: string | undefined): RequestTarget {
  const mark = target.indexOf('?');
  return mark === -1
    ? { path: target, query: '', authority }
    : { path: target.slice(0, mark), query: target.slice(mark), authority };
}

/**
 * A segment that a server may take for `.` or `..`, however it is written: encoded, between encoded slashes or backslashes,
 * or with a path parameter behind it.
 */
const DOT_SEGMENT = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?=$|[/\\;]|%2f|%5c|%3b)/i;

/** Whether a path has dot segments, plain or encoded: with them, it may mean another path than the one it seems to be. */
export function hasDotSegments(path: string): boolean {
  return (path.includes('.') || path.includes('%2')) && DOT_SEGMENT.test(path);
}

/** Whether dot segments could lead a request around some route's path. */
export function matchesPaths(routes: readonly { readonly match: RouteMatch }[]): boolean {
  return routes.some(({ match }) => match.path !== undefined && match.path !== '/*');
}

/** Whether a path must be refused: it might mean another one than was matched, or than is rewritten. */
export function mayEscape(path: string, anyPathMatched: boolean, { stripPrefix, addPrefix }: Rewrite): boolean {
  return (anyPathMatched || stripPrefix !== undefined || addPrefix !== undefined) && hasDotSegments(path);
}

/**
 * Changes a path as the route says. The prefix is taken off where a route would match it, however it is written; the rest is
 * left exactly as it was sent.
 */
export function rewritePath(path: string, rewrite: Rewrite): string {
  const strip = withoutSlash(rewrite.stripPrefix);
  return withoutSlash(rewrite.addPrefix) + path.slice(lengthOfPrefix(path, strip)) || '/';
}

/** How much of a path is this prefix; 0 if it does not begin with it. */
function lengthOfPrefix(path: string, prefix: string): number {
  if (path === prefix || path.startsWith(`${prefix}/`)) return prefix.length;
  if (!path.includes('%') && !prefix.includes('%')) return 0;
  // An encoded slash is none, so that both have their slashes at the same places.
  let end = 0;
  for (let slash = prefix.indexOf('/'); slash !== -1; slash = prefix.indexOf('/', slash + 1)) {
    if (path[end] !== '/') return 0;
    const next = path.indexOf('/', end + 1);
    end = next === -1 ? path.length : next;
  }
  return normalizePath(path.slice(0, end)) === normalizePath(prefix) ? end : 0;
}

function withoutSlash(prefix: string | undefined): string {
  return prefix?.replace(/\/+$/, '') ?? '';
}
