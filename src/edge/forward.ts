import { METHODS, type IncomingMessage, type ServerResponse } from 'node:http';
import { asInternal, OutriggerError, type ErrorReason } from '../errors.js';
import { createCall, type CallStart } from '../pipeline/call.js';
import type { ReplayMemory } from '../pipeline/replay-memory.js';
import { IncomingBody, NO_BODY } from '../pipeline/request-body.js';
import type { CallOptions } from '../policies/policy.js';
import { isValidHost } from '../routing/host.js';
import { createRouter, type Router } from '../routing/router.js';
import { forwardedHeaders, isLoop } from './forwarded.js';
import { applyEdits, compileEdits, type CompiledEdits } from './header-edits.js';
import { headerOf, readRequestHead, type RequestHead } from './headers.js';
import { callWithoutRoute } from './refusal.js';
import type { EdgeContext } from './edge-context.js';
import { Responder } from './responder.js';
import type { EdgeRoute } from './route.js';
import { hasDotSegments, parseTarget, rewritePath, type RequestTarget } from './target.js';

/** A route with what can be worked out beforehand. */
interface PreparedRoute extends EdgeRoute {
  readonly requestEdits: CompiledEdits;
  readonly responseEdits: CompiledEdits;
}

export interface ForwarderOptions {
  readonly routes: readonly EdgeRoute[];
  readonly replayMemory: ReplayMemory;
  /** The trace that a call belongs to, read from its headers (the name in lower case). */
  readonly traceIdOf: ((header: (name: string) => string | undefined) => string | undefined) | undefined;
}

/** How the answer of a call is written. */
export type ResponderFactory = (...parameters: ConstructorParameters<typeof Responder>) => Responder;

const NO_EDITS: CompiledEdits = { drop: new Set(), add: [] };

const PLAIN: ResponderFactory = (...parameters) => new Responder(...parameters);

/** Takes requests from the listener, finds their route, and hands them to its pipeline. */
export class Forwarder {
  readonly #router: Router<PreparedRoute>;
  /** Whether a dot segment could lead a request around a route's path. */
  readonly #matchesPaths: boolean;
  readonly #options: ForwarderOptions;
  readonly #context: EdgeContext;

  constructor(options: ForwarderOptions, context: EdgeContext) {
    const prepared = options.routes.map((route) => ({
      ...route,
      requestEdits: compileEdits(route.requestHeaders),
      responseEdits: compileEdits(route.responseHeaders),
    }));
    this.#router = createRouter(prepared);
    this.#matchesPaths = prepared.some(({ match }) => match.path !== undefined && match.path !== '/*');
    this.#options = options;
    this.#context = context;
  }

  /**
   * One request. `target` is its request target as it was sent; `upgrade` the protocol it may go on with; `respond` makes
   * what writes the answer.
   */
  forward(
    request: IncomingMessage,
    response: ServerResponse,
    target: string,
    upgrade: string | null = null,
    respond: ResponderFactory = PLAIN,
  ): void {
    const startedAt = this.#context.clock.now();
    const head = readRequestHead(request.rawHeaders);
    const header = (name: string) => headerOf(request.rawHeaders, name);
    const method = request.method ?? '';
    let path = '';
    let route: PreparedRoute;
    let host: string;
    let sent: { readonly path: string; readonly headers: string[]; readonly forwarded: readonly string[] };
    try {
      const parsed = parseTarget(target);
      ({ path } = parsed);
      host = hostOf(request, head, parsed);
      route = this.#route({ host, path, method, header }, head);
      const sender = { address: request.socket.remoteAddress, host, httpVersion: request.httpVersion };
      sent = {
        path: rewritePath(path, route.rewrite) + parsed.query,
        headers: applyEdits(route.preserveHost ? ['host', host, ...head.headers] : head.headers, route.requestEdits),
        forwarded: forwardedHeaders(head, sender, route.requestEdits),
      };
    } catch (error) {
      this.#refuse(request, response, respond, { head, method, path, startedAt }, asInternal(error, 'the edge failed'));
      return;
    }

    const body = this.#body(request, head, route, () => {
      this.#context.emit({ type: 'timeout', call, kind: 'idle' });
      responder.fail(stalled());
    });
    const call = createCall({
      route: route.name,
      upstream: route.upstream,
      method,
      host,
      path,
      startedAt,
      traceId: this.#options.traceIdOf?.(header),
      body: body ?? NO_BODY,
      forwarded: sent.forwarded,
      header,
    });
    const responder = respond(call, request, response, this.#context, {
      responseEdits: route.responseEdits,
      idleTimeoutMs: route.idleTimeoutMs,
      requestComplete: () => body === undefined || request.complete,
      release: () => body?.discard(),
    });
    const opts: CallOptions = {
      path: sent.path,
      method,
      headers: sent.headers,
      // The layers' own clocks decide how long a head may take.
      headersTimeout: 0,
      bodyTimeout: route.idleTimeoutMs,
      upgrade,
      call,
    };
    if (body?.collects === true) {
      body.onComplete(() => dispatch(route, opts, responder));
    } else {
      dispatch(route, opts, responder);
    }
  }

  /** Answers a request that goes nowhere. */
  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    respond: ResponderFactory,
    { head, ...known }: Pick<CallStart, 'method' | 'path' | 'startedAt'> & { readonly head: RequestHead },
    error: OutriggerError,
  ): void {
    const call = callWithoutRoute({ ...known, header: (name) => headerOf(request.rawHeaders, name) });
    const noBody = !hasBody(head);
    respond(call, request, response, this.#context, {
      responseEdits: NO_EDITS,
      idleTimeoutMs: REFUSAL_IDLE_MS,
      requestComplete: () => noBody || request.complete,
      release: () => {},
    }).fail(error);
  }

  #route(request: Parameters<Router<PreparedRoute>['find']>[0], head: RequestHead): PreparedRoute {
    if (isLoop(head.via)) throw new OutriggerError('loop', 'the request has passed this proxy too often');
    const route = this.#router.find(request);
    if (route === undefined) throw new OutriggerError('no-route', 'no route matches the request');
    if (
      (this.#matchesPaths || route.rewrite.stripPrefix !== undefined || route.rewrite.addPrefix !== undefined) &&
      hasDotSegments(request.path)
    ) {
      throw badRequest('target', 'the path has dot segments, which could lead around the routes');
    }
    return route;
  }

  #body(
    request: IncomingMessage,
    head: RequestHead,
    route: EdgeRoute,
    onStalled: () => void,
  ): IncomingBody | undefined {
    if (!hasBody(head)) return undefined;
    return new IncomingBody({
      source: request,
      length: head.transferEncoding === undefined ? Number(head.contentLength) : undefined,
      maxBodySize: route.maxBodySize,
      memory: this.#options.replayMemory,
      clock: this.#context.clock,
      idleTimeoutMs: route.idleTimeoutMs,
      onStalled,
    });
  }
}

/** What a double holds exactly, in any case. */
const MOST_LENGTH_DIGITS = 15;

/** How long an app may take to read a refusal. */
const REFUSAL_IDLE_MS = 10_000;

function dispatch(route: EdgeRoute, opts: CallOptions, responder: Responder): void {
  try {
    route.dispatch(opts, responder);
  } catch (cause) {
    responder.fail(asInternal(cause, 'the pipeline failed'));
  }
}

/** A request has a body when its framing says so (RFC 9112, 6). */
function hasBody(head: RequestHead): boolean {
  return head.transferEncoding !== undefined || (head.contentLength !== undefined && Number(head.contentLength) > 0);
}

/** The host that the request is for. Throws `bad-request` (RFC 9112, 3.2, 6.1). */
function hostOf(request: IncomingMessage, head: RequestHead, target: RequestTarget): string {
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

function checkVersion({ httpVersion, method }: IncomingMessage, head: RequestHead): void {
  if (httpVersion === '1.1') return;
  if (httpVersion !== '1.0') throw badRequest('request-line', 'only HTTP/1.1 and HTTP/1.0 are understood');
  // Node's parser takes RTSP and ICE for HTTP/1.0, and does not tell.
  if (method === undefined || !METHODS.includes(method) || method === 'SOURCE') {
    throw badRequest('method', 'the method is not one of HTTP/1.0');
  }
  // Who speaks HTTP/1.0 before us does not know of chunks, and may see two requests where we see one.
  if (head.transferEncoding !== undefined) throw badRequest('framing', 'HTTP/1.0 has no transfer codings');
}

function badRequest(reason: ErrorReason, message: string): OutriggerError {
  return new OutriggerError('bad-request', message, { reason });
}

function stalled(): OutriggerError {
  return badRequest('body-stalled', 'the request stalled');
}
