import type { IncomingMessage, ServerResponse } from 'node:http';
import { asInternal, type OutriggerError } from '../errors.js';
import { createCall, type CallStart } from '../pipeline/call.js';
import type { ReplayMemory } from '../pipeline/replay-memory.js';
import { IncomingBody, NO_BODY } from '../pipeline/request-body.js';
import type { CallOptions } from '../policies/policy.js';
import type { BeginTrace } from '../policies/trace.js';
import type { CompiledEdits } from './header-edits.js';
import { hasBody, headerOf, readRequestHead, type RequestHead } from './headers.js';
import { callWithoutRoute } from './refusal.js';
import type { EdgeContext } from './edge-context.js';
import { badRequest, Intake, type Accepted, type PreparedRoute } from './intake.js';
import { Responder } from './responder.js';
import type { EdgeRoute } from './route.js';
import { parseTarget } from './target.js';
import { traced } from './traced.js';

export interface ForwarderOptions {
  readonly routes: readonly EdgeRoute[];
  readonly replayMemory: ReplayMemory;
  readonly beginTrace: BeginTrace | undefined;
}

/** How the answer of a call is written. */
export type ResponderFactory = (...parameters: ConstructorParameters<typeof Responder>) => Responder;

const NO_EDITS: CompiledEdits = { drop: new Set(), add: [] };

const PLAIN: ResponderFactory = (...parameters) => new Responder(...parameters);

/** Takes requests from the listener, finds their route, and hands them to its pipeline. */
export class Forwarder {
  readonly #intake: Intake;
  readonly #options: ForwarderOptions;
  readonly #context: EdgeContext;

  constructor(options: ForwarderOptions, context: EdgeContext) {
    this.#intake = new Intake(options.routes);
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
    const { beginTrace } = this.#options;
    const startedAt = this.#context.clock.now();
    const head = readRequestHead(request.rawHeaders, beginTrace !== undefined);
    const header = (name: string) => headerOf(request.rawHeaders, name);
    const method = request.method ?? '';
    let path = '';
    let accepted: Accepted;
    try {
      const parsed = parseTarget(target);
      ({ path } = parsed);
      accepted = this.#intake.accept(request, head, parsed, header);
    } catch (error) {
      this.#refuse(request, response, respond, { head, method, path, startedAt }, asInternal(error, 'the edge failed'));
      return;
    }

    const { route, host } = accepted;
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
      trace:
        beginTrace === undefined
          ? undefined
          : traced(beginTrace, request, head, { method, host, path, startedAt }, route),
      body: body ?? NO_BODY,
      forwarded: accepted.forwarded,
      header,
    });
    const responder = respond(call, request, response, this.#context, {
      responseEdits: route.responseEdits,
      idleTimeoutMs: route.idleTimeoutMs,
      requestComplete: () => body === undefined || request.complete,
      release: () => body?.discard(),
    });
    const opts: CallOptions = {
      path: accepted.path,
      method,
      headers: accepted.headers,
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
    const { beginTrace } = this.#options;
    const call = callWithoutRoute({
      ...known,
      trace:
        beginTrace === undefined ? undefined : traced(beginTrace, request, head, { ...known, host: '' }, undefined),
      header: (name) => headerOf(request.rawHeaders, name),
    });
    const noBody = !hasBody(head);
    respond(call, request, response, this.#context, {
      responseEdits: NO_EDITS,
      idleTimeoutMs: REFUSAL_IDLE_MS,
      requestComplete: () => noBody || request.complete,
      release: () => {},
    }).fail(error);
  }

  #body(
    request: IncomingMessage,
    head: RequestHead,
    route: PreparedRoute,
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

/** How long an app may take to read a refusal. */
const REFUSAL_IDLE_MS = 10_000;

function dispatch(route: PreparedRoute, opts: CallOptions, responder: Responder): void {
  try {
    route.dispatch(opts, responder);
  } catch (cause) {
    responder.fail(asInternal(cause, 'the pipeline failed'));
  }
}

function stalled(): OutriggerError {
  return badRequest('body-stalled', 'the request stalled');
}
