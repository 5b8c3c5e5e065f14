import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { asInternal, OutriggerError } from '../errors.js';
import type { ReplayMemory } from '../pipeline/replay-memory.js';
import type { BeginTrace } from '../policies/trace.js';
import { CallCount } from './call-count.js';
import { catchAll } from './catch-all.js';
import { Forwarder } from './forward.js';
import { afterCalls, callWithoutRoute, refuse } from './refusal.js';
import type { EdgeContext, SharedContext } from './edge-context.js';
import type { EdgeRoute } from './route.js';
import { upgrade } from './upgrade.js';

export interface EdgeOptions {
  readonly routes: readonly EdgeRoute[];
  /** Shared by all generations. */
  readonly context: SharedContext;
  readonly replayMemory: ReplayMemory;
  /** Continues or begins the trace of each call; left out: calls are not traced, and what the app says of a trace goes on. */
  readonly beginTrace?: BeginTrace | undefined;
}

/** One generation of the configuration as the listener sees it. */
export interface Edge {
  readonly handleRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly handleUpgrade: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  /** This generation's calls that have not ended yet, WebSockets included. */
  readonly inFlight: number;
  /** Calls back once when none of them is left. */
  whenIdle(callback: () => void): void;
  /** Ends a connection over which something came that no response can be made for. */
  refuse(socket: Socket, error: OutriggerError, request?: IncomingMessage): void;
  /** Calls back when all calls that came over a connection have ended, whichever generation took them. */
  afterCalls(socket: Socket, then: () => void): void;
  /** From now on every answer closes its connection, whichever generation gives it. */
  beginDrain(): void;
  /** Answers `draining` to all calls that have no head yet, of all generations. */
  refuseUnanswered(): void;
  /** Cuts the connection of every call in flight, of all generations. */
  cutAll(): void;
  /** Frees what Fastify holds; the calls in flight are not touched. */
  close(): Promise<void>;
}

/** Takes requests and upgrades under one configuration; routing and pipeline are its own. */
export async function createEdge(options: EdgeOptions): Promise<Edge> {
  const count = new CallCount();
  const context: EdgeContext = { ...options.context, count };
  const forwarder = new Forwarder({ beginTrace: undefined, ...options }, context);

  const take = (request: IncomingMessage, response: ServerResponse, target: string) =>
    survive(context, request, () => forwarder.forward(request, response, target));

  const app = await catchAll(take);

  return {
    handleRequest: (request, response) => {
      // An answer before this request's has said that it is the last on the connection.
      if (request.socket.writableEnded) request.resume();
      else if (request.httpVersion === '1.1') app.routing(request, response);
      // Fastify knows none of the methods of RTSP, which Node's parser takes for HTTP/1.0.
      else take(request, response, request.url ?? '');
    },
    handleUpgrade: (request, socket, head) =>
      survive(context, request, () => upgrade(forwarder, context, request, socket, head)),
    get inFlight() {
      return count.inFlight;
    },
    whenIdle: (callback) => count.whenNone(callback),
    refuse: (socket, error, request) => refuse(context, socket, error, request),
    afterCalls: (socket, then) => afterCalls(context, socket, then),
    beginDrain() {
      context.drain.begun = true;
    },
    refuseUnanswered() {
      for (const responder of [...context.live]) {
        if (!responder.answering) responder.fail(new OutriggerError('draining', 'the proxy shuts down'));
      }
    },
    cutAll() {
      for (const responder of [...context.live]) responder.socket.destroy();
    },
    close: () => app.close(),
  };
}

/** Takes a request. Where that fails, which is a fault of ours, the app must not wait for an answer that nobody will write. */
function survive(context: EdgeContext, request: IncomingMessage, take: () => void): void {
  try {
    take();
  } catch (cause) {
    request.socket.destroy();
    const startedAt = context.clock.now();
    const call = callWithoutRoute({ method: request.method ?? '', path: '', startedAt, header: () => undefined });
    const error = asInternal(cause, 'the edge failed');
    context.emit({ type: 'call', call, status: 0, outcome: 'failure', error, durationMs: 0 });
  }
}
