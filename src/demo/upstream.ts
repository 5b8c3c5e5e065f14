/**
 * An upstream that fails on purpose, for `outrigger run --demo` and docker-compose.yml: each path has a failure of its
 * own, so that a policy can be watched at work with nothing but curl. It keeps nothing and is no part of the proxy.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { parseDuration } from '../policies/rules/units.js';
import type { Clock, Timer } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import { demoEndpoints, sendText, type Endpoint } from './endpoints.js';
import { acceptEcho } from './websocket.js';

export interface DemoUpstreamOptions {
  readonly host: string;
  /** Where to listen; a free port is taken instead if it is in use, and for 0. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
}

export interface DemoUpstream {
  readonly url: string;
  readonly port: number;
  /** Ends at once, whatever is in flight. */
  close(): Promise<void>;
}

/** Starts the demo upstream. Rejects with the system's error if it cannot listen at all. */
export async function startDemoUpstream(options: DemoUpstreamOptions): Promise<DemoUpstream> {
  const upstream = new Upstream(options);
  await upstream.start();
  return upstream;
}

class Upstream implements DemoUpstream {
  readonly #host: string;
  readonly #wantedPort: number;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  #port = 0;
  /** Until when every path answers 503, in the clock's milliseconds. */
  #downUntil = -Infinity;
  #relisten: Timer | undefined;

  constructor({ host, port, clock, random }: DemoUpstreamOptions) {
    this.#host = host;
    this.#wantedPort = port;
    this.#clock = clock;
    this.#endpoints = new Map(demoEndpoints(clock, random).map((endpoint) => [endpoint.path, endpoint]));
    this.#server = createServer((req, res) => this.#serve(req, res));
    this.#server.on('upgrade', (req, socket) => this.#upgrade(req, socket));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${this.#port}`;
  }

  async start(): Promise<void> {
    try {
      this.#port = await this.#listen(this.#wantedPort);
    } catch (error) {
      if (!isAddressInUse(error)) throw error;
      this.#port = await this.#listen(0);
    }
  }

  async close(): Promise<void> {
    this.#relisten?.cancel();
    await this.#stopListening();
  }

  #listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, this.#host, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  #stopListening(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    const [path = '/', query = ''] = (req.url ?? '/').split('?', 2);
    const params = new URLSearchParams(query);
    const name = path.split('/')[1] ?? '';
    if (name === '_') {
      this.#switch(path, params, req, res);
    } else if (this.#isDown()) {
      sendText(res, 503, 'down\n');
    } else if (name === '') {
      sendText(res, 200, this.#index());
    } else {
      const endpoint = this.#endpoints.get(`/${name}`);
      if (endpoint === undefined) sendText(res, 404, `nothing at ${path}; / lists what there is\n`);
      else endpoint.answer({ req, res, params });
    }
  }

  /** `/_/…` works while everything else is down; else nobody could end an outage early. */
  #switch(path: string, params: URLSearchParams, req: IncomingMessage, res: ServerResponse): void {
    if (req.method !== 'POST') return sendText(res, 405, 'POST only\n');
    if (path === '/_/up') {
      this.#downUntil = -Infinity;
      return sendText(res, 200, 'up\n');
    }
    if (path !== '/_/down') return sendText(res, 404, 'there are /_/down and /_/up\n');
    const how = params.get('how') ?? '503';
    if (how !== '503' && how !== 'refuse') return sendText(res, 400, 'how: 503 or refuse\n');
    let forMs: number;
    try {
      forMs = parseDuration(params.get('for') ?? '20s');
    } catch (error) {
      return sendText(res, 400, `for: ${error instanceof Error ? error.message : String(error)}\n`);
    }
    if (how === '503') this.#downUntil = this.#clock.now() + forMs;
    else res.once('finish', () => this.#refuse(forMs));
    sendText(res, 200, `down for ${forMs} ms\n`);
  }

  #refuse(forMs: number): void {
    void this.#stopListening();
    const again = (): void => {
      // Somebody else may have taken the port meanwhile; they may also leave again.
      this.#listen(this.#port).catch(() => {
        this.#relisten = this.#clock.setTimer(1_000, again);
      });
    };
    this.#relisten?.cancel();
    this.#relisten = this.#clock.setTimer(forMs, again);
  }

  #isDown(): boolean {
    return this.#clock.now() < this.#downUntil;
  }

  #upgrade(req: IncomingMessage, socket: Duplex): void {
    if (this.#isDown())
      socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    else acceptEcho(req, socket);
  }

  #index(): string {
    const lines = [...this.#endpoints.values()].map(({ path, says }) => `${path.padEnd(14)} ${says}`);
    lines.push('/ws            a WebSocket that says everything back');
    lines.push(
      'POST /_/down   ?for=20s, ?how=503 or refuse: everything is down for that long; POST /_/up ends a 503 one',
    );
    return `${lines.join('\n')}\n`;
  }
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
