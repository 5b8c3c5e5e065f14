import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What a relay does to an exchange. It never changes a byte: what arrives is what was sent, as far as it goes. */
export const FAULTS = [
  /** Every piece is late, both ways. */
  'latency',
  /** The connection is reset: before the request is passed on, after it, or in the middle of the answer. */
  'reset',
  /** Both sides are closed after some bytes of the answer. */
  'cut',
  /** The answer comes in small pieces. */
  'drip',
  /** Nothing is passed on any more, from the beginning or after some bytes of the answer; the connection stays. */
  'black-hole',
  /** One side is closed, after some bytes of the answer or before; the other one goes on. */
  'half-close',
  /** New connections are reset, and kept ones are closed when they are used again. */
  'refuse',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface RelayOptions {
  /** Where connections are passed on to, on loopback. */
  readonly port: number;
  /** Says what to do to the next exchange, or to the next connection. */
  readonly draw: () => Fault | 'none';
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** A TCP relay on a free port of loopback that passes bytes on, or fails to in the way it is told. */
export class FaultRelay {
  /** How often each fault was done. */
  readonly done = new Map<Fault, number>();
  readonly #options: RelayOptions;
  readonly #links = new Set<Link>();
  readonly #server: Server;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  start(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  close(): void {
    this.#server.close();
    for (const link of this.#links) link.destroy();
  }

  #accept(near: Socket): void {
    near.on('error', () => undefined);
    if (this.#options.draw() === 'refuse') {
      this.#count('refuse');
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: this.#options.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    far.on('error', () => near.destroy());
    const link = new Link(near, far, this.#options, (fault) => this.#count(fault));
    this.#links.add(link);
    near.once('close', () => {
      this.#links.delete(link);
      far.destroy();
    });
  }

  #count(fault: Fault): void {
    this.done.set(fault, (this.done.get(fault) ?? 0) + 1);
  }
}

/** Most bytes of an answer before a fault in its middle. */
const MIDDLE_BYTES = 4_000;

/** One connection and the one that it is passed on to. */
class Link {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #options: RelayOptions;
  readonly #count: (fault: Fault) => void;
  #fault: Fault | 'none' = 'none';
  /** Bytes of the answer until the fault happens. */
  #left = Infinity;
  /** Whose bytes came last: a request that follows an answer begins a new exchange. */
  #turn: 'near' | 'far' = 'far';
  #swallows = false;
  /** The service's side is closed once the request is there. */
  #closesFar = false;
  /** What is on its way in each direction, one piece after the other. */
  #outbound: Promise<void> = Promise.resolve();
  #inbound: Promise<void> = Promise.resolve();

  constructor(near: Socket, far: Socket, options: RelayOptions, count: (fault: Fault) => void) {
    this.#near = near;
    this.#far = far;
    this.#options = options;
    this.#count = count;
    near.on('data', (chunk: Buffer) => this.#request(chunk));
    far.on('data', (chunk: Buffer) => this.#answer(chunk));
    near.on('end', () => {
      this.#outbound = this.#outbound.then(() => {
        far.end();
      });
    });
    far.on('end', () => {
      this.#inbound = this.#inbound.then(() => {
        if (!this.#swallows) near.end();
      });
    });
  }

  destroy(): void {
    this.#near.destroy();
    this.#far.destroy();
  }

  #request(chunk: Buffer): void {
    if (this.#swallows) return;
    if (this.#turn === 'far') this.#begin();
    this.#turn = 'near';
    if (this.#swallows || this.#near.destroyed) return;
    this.#outbound = this.#pass(this.#outbound, this.#near, this.#far, chunk).then(() => {
      if (this.#closesFar) this.#far.end();
    });
  }

  /** A new exchange: what will become of it? */
  #begin(): void {
    const { draw, random } = this.#options;
    const fault = draw();
    this.#fault = fault;
    this.#left = Infinity;
    if (fault === 'none') return;
    this.#count(fault);
    const early = random() < 0.3;
    const middle = Math.floor(random() * MIDDLE_BYTES);
    switch (fault) {
      case 'reset':
        if (early) this.#reset();
        else this.#left = random() < 0.3 ? 0 : middle;
        break;
      case 'cut':
        this.#left = early ? 0 : middle;
        break;
      case 'black-hole':
        if (early) this.#swallows = true;
        else this.#left = middle;
        break;
      case 'half-close':
        if (random() < 0.3) this.#closesFar = true;
        else this.#left = early ? 0 : middle;
        break;
      case 'refuse':
        this.destroy();
        break;
      case 'latency':
      case 'drip':
        break;
    }
  }

  #answer(chunk: Buffer): void {
    this.#turn = 'far';
    if (this.#swallows) return;
    if (chunk.length < this.#left) {
      this.#left -= chunk.length;
      this.#inbound = this.#pass(this.#inbound, this.#far, this.#near, chunk);
      return;
    }
    const last = chunk.subarray(0, this.#left);
    this.#swallows = true;
    this.#inbound = this.#pass(this.#inbound, this.#far, this.#near, last).then(() => this.#fail());
  }

  /** The moment of a fault in the middle of an answer has come. */
  #fail(): void {
    if (this.#fault === 'reset') this.#reset();
    else if (this.#fault === 'half-close') this.#near.end();
    else if (this.#fault === 'cut') {
      this.#near.end();
      this.#far.destroy();
    }
  }

  #reset(): void {
    if (!this.#near.destroyed) this.#near.resetAndDestroy();
    this.#far.destroy();
  }

  /** Passes bytes on behind those before them, no faster than they are taken. */
  async #pass(before: Promise<void>, from: Socket, to: Socket, chunk: Buffer): Promise<void> {
    from.pause();
    await before;
    for (const piece of this.#pieces(chunk, to === this.#near)) {
      if (piece.waitMs > 0) await later(piece.waitMs);
      if (to.destroyed || !to.writable) break;
      if (!to.write(piece.bytes)) await drained(to);
    }
    from.resume();
  }

  *#pieces(chunk: Buffer, isAnswer: boolean): Generator<{ readonly bytes: Buffer; readonly waitMs: number }> {
    const { random } = this.#options;
    if (this.#fault === 'latency') {
      yield { bytes: chunk, waitMs: 10 + random() * 120 };
    } else if (this.#fault === 'drip' && isAnswer) {
      // The first bytes by the letter, the rest in larger pieces: a large answer must come to an end too.
      for (let at = 0; at < chunk.length;) {
        const size = at < 400 ? 1 + Math.floor(random() * 30) : 16_384;
        yield { bytes: chunk.subarray(at, at + size), waitMs: 1 + random() * 4 };
        at += size;
      }
    } else {
      yield { bytes: chunk, waitMs: 0 };
    }
  }
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
