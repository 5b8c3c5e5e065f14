import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { OutriggerError } from '../errors.js';
import type { CallEvent, PolicyEvent, ShedReason } from '../policies/events.js';
import type { Clock } from '../runtime/clock.js';
import { bind, type ListenAddress } from './bind.js';
import { Connections } from './connections.js';
import { isWebSocket, type EdgeRequest } from './edge-request.js';
import { createEdgeServer, type HeadLimits } from './edge-server.js';
import { takeBack } from './ignored-upgrade.js';
import { LoadShedder } from './load-shedder.js';
import { shed, shedCall, SHEDDING } from './shed.js';
import { Turns } from './turns.js';
import { unreadable } from './unreadable.js';

/** What a listener hands requests to: the current generation of the configuration. */
export interface ListenerTarget {
  readonly handleRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly handleUpgrade: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  /** Ends a connection over which something came that no response can be made for. */
  refuse(socket: Socket, error: OutriggerError, request?: IncomingMessage): void;
  /** Calls back when all calls that came over a connection have ended, whichever configuration took them. */
  afterCalls(socket: Socket, then: () => void): void;
}

export interface ListenerLimits extends HeadLimits {
  /** Connections on all addresses together. */
  readonly maxConnections: number;
  /** How long a call may wait for the event loop while that is behind, in milliseconds; Infinity: none is refused. */
  readonly maxEventLoopDelayMs: number;
}

export interface ListenerDeps {
  readonly clock: Clock;
  readonly emit: (event: CallEvent | PolicyEvent) => void;
  /** Calls back in the event loop's next round. */
  readonly nextRound: (callback: () => void) => void;
}

interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The listening servers, one per address. They live as long as the process. */
export class Listener {
  readonly #limits: ListenerLimits;
  readonly #deps: ListenerDeps;
  readonly #servers: Server[] = [];
  readonly #connections: Connections;
  readonly #turns = new Turns();
  readonly #shedder: LoadShedder<Incoming>;
  /** Connections that have been told that they can't be read. Node says so again for each piece that still comes. */
  readonly #refused = new WeakSet<Socket>();
  /** Connections that go back to Node, and are counted already. */
  readonly #takenBack = new WeakSet<Socket>();
  readonly #target: ListenerTarget;

  constructor(limits: ListenerLimits, target: ListenerTarget, deps: ListenerDeps) {
    const { clock, emit, nextRound } = deps;
    this.#limits = limits;
    this.#deps = deps;
    this.#target = target;
    this.#connections = new Connections({
      clock,
      max: limits.maxConnections,
      onExcess: () => emit({ type: 'shed', reason: 'connections' }),
    });
    this.#shedder = new LoadShedder({
      clock,
      nextRound,
      maxDelayMs: limits.maxEventLoopDelayMs,
      serve: ({ request, response }) => this.#serve(request, response),
      refuse: ({ request, response }) => this.#refuse(request, response, 'event-loop'),
      onChange: (active) => emit({ type: 'shedding', active }),
    });
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#connections.open;
  }

  /** Whether calls are refused since the event loop is behind. */
  get shedding(): boolean {
    return this.#shedder.shedding;
  }

  /** Throws an Error whose message names the address and what is wrong with it. Returns the address as people write it. */
  async listen(address: ListenAddress): Promise<string> {
    const server = this.#createServer();
    const bound = await bind(server, address, 'listen');
    // Descriptors have run out: the connection is lost, the process must not be.
    server.on('error', () => this.#deps.emit({ type: 'shed', reason: 'descriptors' }));
    this.#servers.push(server);
    this.#shedder.start();
    return bound;
  }

  /** Takes no more connections; resolves when the last one has ended. */
  async close(): Promise<void> {
    this.#shedder.stop();
    await Promise.all(this.#servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** Cuts every connection; WebSockets are not among them. */
  closeAllConnections(): void {
    for (const server of this.#servers) server.closeAllConnections();
  }

  #createServer(): Server {
    const server = createEdgeServer(this.#limits, this.#onRequest);
    server.maxConnections = this.#connections.hardMax;
    server.on('connection', (socket: Socket) => {
      if (!this.#takenBack.delete(socket)) this.#connections.add(socket);
    });
    server.on('drop', () => this.#deps.emit({ type: 'shed', reason: 'connections' }));
    server.on('checkContinue', (request: EdgeRequest, response: ServerResponse) => {
      this.#inTurn(request, response, () => {
        response.writeContinue();
        this.#take(request, response);
      });
    });
    server.on('upgrade', (request: EdgeRequest, socket: Socket, head: Buffer) => {
      if (isWebSocket(request)) this.#onWebSocket(request, socket, head);
      else this.#takeBack(server, request, socket, head);
    });
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      const error = new OutriggerError('bad-request', 'CONNECT is not supported', { reason: 'method' });
      this.#refuseConnection(socket, error, request);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => this.#onClientError(error, socket));
    return server;
  }

  #onWebSocket(request: IncomingMessage, socket: Socket, head: Buffer): void {
    if (this.#connections.isExcess(socket) || this.#shedder.shedding) {
      this.#refuseConnection(socket, SHEDDING, request);
      return;
    }
    destroyOnError(socket);
    this.#whenTaken(socket, () => this.#target.handleUpgrade(request, socket, head));
  }

  #onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
    // An answer that closes the connection is on its way already.
    if (this.#refused.has(socket) || (socket.writableEnded && !socket.destroyed)) return;
    const refusal = unreadable(error);
    // Nothing was asked yet, so that there is nothing to answer.
    if (refusal === undefined || socket.bytesRead === 0) {
      socket.destroy();
      return;
    }
    this.#refused.add(socket);
    // More came behind a request that said it was the last, if only in a trailer, where Node does not see it.
    if (error.code === 'HPE_CLOSED_CONNECTION') this.#afterCalls(socket, () => socket.end());
    else this.#refuseConnection(socket, refusal);
  }

  #refuseConnection(socket: Socket, error: OutriggerError, request?: IncomingMessage): void {
    destroyOnError(socket);
    this.#whenTaken(socket, () => this.#target.refuse(socket, error, request));
  }

  #takeBack(server: Server, request: EdgeRequest, socket: Socket, head: Buffer): void {
    takeBack(request, socket, head, {
      afterCalls: (then) => this.#afterCalls(socket, then),
      serve: () => {
        if (!server.listening) {
          socket.end();
          return;
        }
        this.#takenBack.add(socket);
        server.emit('connection', socket);
      },
    });
  }

  #afterCalls(socket: Socket, then: () => void): void {
    this.#whenTaken(socket, () => this.#target.afterCalls(socket, then));
  }

  /** Calls back when no call that came over a connection waits for its turn any more. */
  #whenTaken(socket: Socket, then: () => void): void {
    this.#turns.whenNone(socket, () => {
      if (this.#shedder.has(({ request }) => request.socket === socket)) {
        this.#deps.nextRound(() => this.#whenTaken(socket, then));
      } else {
        then();
      }
    });
  }

  readonly #onRequest = (request: EdgeRequest, response: ServerResponse): void =>
    this.#inTurn(request, response, () => this.#take(request, response));

  #inTurn(request: EdgeRequest, response: ServerResponse, take: () => void): void {
    request.isAnsweredBy(response);
    if (response.socket === null) this.#turns.wait(request.socket, response, take);
    else take();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    if (this.#connections.isExcess(request.socket)) this.#refuse(request, response, 'connections');
    else if (this.#shedder.behind) this.#shedder.wait({ request, response });
    else this.#target.handleRequest(request, response);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    // The app may have given up while its call waited.
    if (!request.socket.destroyed) this.#target.handleRequest(request, response);
  }

  #refuse(request: IncomingMessage, response: ServerResponse, bound: ShedReason): void {
    const { clock, emit } = this.#deps;
    if (request.socket.destroyed) return;
    // A connection was counted when it came.
    if (bound === 'event-loop') emit({ type: 'shed', reason: bound });
    shed(request, response, bound === 'connections', clock);
    emit(shedCall(request, clock));
  }
}

/** Where Node has taken its own listeners off, an error that nobody hears would end the process. */
function destroyOnError(socket: Socket): void {
  socket.on('error', () => socket.destroy());
}
