import { createServer, IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { OutriggerError, type ErrorReason } from '../errors.js';
import type { CallEvent, PolicyEvent, ShedReason } from '../policies/events.js';
import type { Clock } from '../runtime/clock.js';
import { bind, type ListenAddress } from './bind.js';
import { EdgeResponse } from './edge-response.js';
import { Connections } from './connections.js';
import { LoadShedder } from './load-shedder.js';
import { problemBytes } from './problem.js';
import { shed, shedCall, SHEDDING } from './shed.js';

/** What a listener hands requests to: the current generation of the configuration. */
export interface ListenerTarget {
  readonly handleRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly handleUpgrade: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  isBusy(socket: Socket): boolean;
}

export interface ListenerLimits {
  /** Bytes of a request's head. */
  readonly maxHeaderSize: number;
  /** How long a client may take to send a head. */
  readonly headersTimeoutMs: number;
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

const KEEP_ALIVE_MS = 75_000;
const CONNECTIONS_CHECKING_MS = 1_000;

const upgradeAsked = Symbol('upgradeAsked');

/** Node's own way to have done with a request; its types don't know it. */
const dump: unknown = Reflect.get(IncomingMessage.prototype, '_dump');

/**
 * A request whose `upgrade` says whether Node is to hand over the connection. With a listener for upgrades Node would hand
 * over every one of them; but any protocol other than WebSocket is to be ignored and the request served as HTTP/1.1
 * (RFC 9110, 7.8): Java's client, for one, offers h2c with its first request. Node asks this property before it decides.
 */
class EdgeRequest extends IncomingMessage {
  [upgradeAsked]: unknown;

  get upgrade(): boolean {
    if (this[upgradeAsked] !== true) return false;
    return this.method === 'CONNECT' || isWebSocket(this);
  }

  set upgrade(asked: unknown) {
    this[upgradeAsked] = asked;
  }

  /**
   * Node asks for this when the answer is out, so that what was not read of a request makes way for the next one. It would
   * take a request that has nothing to read, as most have, through six steps of ending a stream.
   */
  _dump(): void {
    if ((!this.complete || this.readableLength > 0) && typeof dump === 'function') dump.call(this);
  }
}

/** Whether a request asks for a WebSocket (RFC 6455, 4.1). */
function isWebSocket(request: IncomingMessage): boolean {
  return request.method === 'GET' && /(?:^|,)\s*websocket\s*(?:$|,)/i.test(request.headers.upgrade ?? '');
}

/** The listening servers, one per address. They live as long as the process; what they hand requests to may change. */
export class Listener {
  readonly #limits: ListenerLimits;
  readonly #deps: ListenerDeps;
  readonly #servers: Server[] = [];
  readonly #connections: Connections;
  readonly #shedder: LoadShedder<Incoming>;
  #target: ListenerTarget;

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

  /** What comes in from now on goes there. */
  setTarget(target: ListenerTarget): void {
    this.#target = target;
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
    const { maxHeaderSize, headersTimeoutMs } = this.#limits;
    const server = createServer(
      {
        IncomingMessage: EdgeRequest,
        ServerResponse: EdgeResponse,
        maxHeaderSize,
        headersTimeout: headersTimeoutMs,
        connectionsCheckingInterval: CONNECTIONS_CHECKING_MS,
        // An upload may take its time; a route's idleTimeout guards it.
        requestTimeout: 0,
        keepAliveTimeout: KEEP_ALIVE_MS,
        // We answer such requests ourselves.
        requireHostHeader: false,
      },
      this.#onRequest,
    );
    server.maxConnections = this.#connections.hardMax;
    server.on('connection', (socket: Socket) => this.#connections.add(socket));
    server.on('drop', () => this.#deps.emit({ type: 'shed', reason: 'connections' }));
    // Node would drop what is beyond its count without a word; maxHeaderSize bounds them.
    server.maxHeadersCount = 0;
    server.on('checkExpectation', this.#onRequest);
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (!this.#connections.isExcess(socket) && !this.#shedder.shedding) {
        this.#target.handleUpgrade(request, socket, head);
        return;
      }
      refuse(socket, SHEDDING);
      this.#deps.emit(shedCall(request, this.#deps.clock));
    });
    server.on('connect', (_request: IncomingMessage, socket: Socket) => {
      refuse(socket, new OutriggerError('bad-request', 'CONNECT is not supported', { reason: 'method' }));
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      // A call in flight would take our answer for its own.
      if (!socket.writable || this.#target.isBusy(socket)) socket.destroy();
      else refuse(socket, clientError(error));
    });
    return server;
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (this.#connections.isExcess(request.socket)) this.#refuse(request, response, 'connections');
    else if (this.#shedder.behind) this.#shedder.wait({ request, response });
    else this.#target.handleRequest(request, response);
  };

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

function refuse(socket: Socket, error: OutriggerError): void {
  socket.on('error', () => {});
  socket.end(problemBytes(error), () => socket.destroy());
}

function clientError(error: NodeJS.ErrnoException): OutriggerError {
  const [message, reason]: [string, ErrorReason?] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['the request head is too large', 'headers-too-large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['the request head took too long', 'body-stalled']
        : ['the request is not valid HTTP'];
  return new OutriggerError('bad-request', message, reason === undefined ? {} : { reason });
}
