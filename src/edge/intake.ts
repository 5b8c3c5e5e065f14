import { METHODS } from 'node:http';
import { OutriggerError, type ErrorReason } from '../errors.js';
import { isValidHost } from '../routing/host.js';
import { createRouter, type Router } from '../routing/router.js';
import { forwardedHeaders, isLoop } from './forwarded.js';
import { applyEdits, compileEdits, type CompiledEdits } from './header-edits.js';
import type { RequestHead } from './headers.js';
import type { EdgeRoute } from './route.js';
import { matchesPaths, mayEscape, rewritePath, type RequestTarget } from './target.js';

/** A route with what can be worked out beforehand. */
export interface PreparedRoute extends Omit<EdgeRoute, 'requestHeaders' | 'responseHeaders'> {
  readonly requestEdits: CompiledEdits;
  readonly responseEdits: CompiledEdits;
}

/** A request as it came, as far as it decides where it goes; Node's own is one. */
export interface ArrivedRequest {
  readonly method?: string | undefined;
  /** Such as `1.1`. */
  readonly httpVersion: string;
  /** Where it came from. */
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** A request that goes on: where to, and as what. */
export interface Accepted {
  readonly route: PreparedRoute;
  readonly host: string;
  /** With the query, rewritten. */
  readonly path: string;
  /** As [name, value, …], edited. */
  readonly headers: string[];
  /** Headers for our own services only, as [name, value, …]. */
  readonly forwarded: readonly string[];
}

/** Decides what becomes of requests: which route they take, and with which path and headers they go on. */
export class Intake {
  readonly #router: Router<PreparedRoute>;
  /** Whether a dot segment could lead a request around a route's path. */
  readonly #matchesPaths: boolean;

  /** Throws a RangeError for edits of headers that say how a message is framed. */
  constructor(routes: readonly EdgeRoute[]) {
    const prepared = routes.map(prepare);
    this.#router = createRouter(prepared);
    this.#matchesPaths = matchesPaths(prepared);
  }

  /** Throws an OutriggerError for a request that goes nowhere. `header`: the name in lower case. */
  accept(
    request: ArrivedRequest,
    head: RequestHead,
    target: RequestTarget,
    header: (name: string) => string | undefined,
  ): Accepted {
    const { path } = target;
    const { method = '', httpVersion } = request;
    const host = hostOf(request, head, target);
    const route = this.#route({ host, path, method, header }, head);
    const sender = { address: request.socket.remoteAddress, host, httpVersion };
    return {
      route,
      host,
      path: rewritePath(path, route.rewrite) + target.query,
      headers: applyEdits(route.preserveHost ? ['host', host, ...head.headers] : head.headers, route.requestEdits),
      forwarded: forwardedHeaders(head, sender, route.requestEdits),
    };
  }

  #route(request: Parameters<Router<PreparedRoute>['find']>[0], head: RequestHead): PreparedRoute {
    if (isLoop(head.via)) throw new OutriggerError('loop', 'the request has passed this proxy too often');
    const route = this.#router.find(request);
    if (route === undefined) throw new OutriggerError('no-route', 'no route matches the request');
    if (mayEscape(request.path, this.#matchesPaths, route.rewrite)) {
      throw badRequest('target', 'the path has dot segments, which could lead around the routes');
    }
    return route;
  }
}

/**
 * Property by property: V8 gives each object that was spread from another a hidden class of its own once there are some, and
 * each call would look for its route's properties anew.
 */
function prepare(route: EdgeRoute): PreparedRoute {
  return {
    name: route.name,
    match: route.match,
    upstream: route.upstream,
    rewrite: route.rewrite,
    requestEdits: compileEdits(route.requestHeaders),
    responseEdits: compileEdits(route.responseHeaders),
    preserveHost: route.preserveHost,
    idleTimeoutMs: route.idleTimeoutMs,
    maxBodySize: route.maxBodySize,
    dispatch: route.dispatch,
  };
}

/** What a double holds exactly, in any case. */
const MOST_LENGTH_DIGITS = 15;

/** The host that the request is for. Throws `bad-request` (RFC 9112, 3.2, 6.1). */
function hostOf(request: ArrivedRequest, head: RequestHead, target: RequestTarget): string {
  checkVersion(request, head);
  if (head.hosts > 1) throw badRequest('host', 'the request has more than one Host header');
  if (head.host === undefined && request.httpVersion === '1.1')
    throw badRequest('host', 'the request has no Host header');
  if (head.host !== undefined && !isValidHost(head.host)) throw badRequest('host', 'the Host header is malformed');
  // Another coding could not be passed on: how to undo it is said by a header of this connection.
  if (head.transferEncoding !== undefined && head.transferEncoding.toLowerCase() !== 'chunked') {
    throw badRequest('coding', 'only the transfer coding chunked is understood');
  }
  if (head.contentLength !== undefined && head.contentLength.length > MOST_LENGTH_DIGITS) {
    throw badRequest('framing', 'the Content-Length has too many digits');
  }
  return target.authority ?? head.host ?? '';
}

function checkVersion({ httpVersion, method }: ArrivedRequest, head: RequestHead): void {
  if (httpVersion === '1.1') return;
  if (httpVersion !== '1.0') throw badRequest('request-line', 'only HTTP/1.1 and HTTP/1.0 are understood');
  // Node's parser takes RTSP and ICE for HTTP/1.0, and does not tell.
  if (method === undefined || !METHODS.includes(method) || method === 'SOURCE') {
    throw badRequest('method', 'the method is not one of HTTP/1.0');
  }
  // Who speaks HTTP/1.0 before us does not know of chunks, and may see two requests where we see one.
  if (head.transferEncoding !== undefined) throw badRequest('framing', 'HTTP/1.0 has no transfer codings');
}

export function badRequest(reason: ErrorReason, message: string): OutriggerError {
  return new OutriggerError('bad-request', message, { reason });
}
