import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SharedContext } from '../edge/edge-context.js';
import type { ListenerTarget } from '../edge/listener.js';
import type { Edge } from '../edge/server.js';
import type { BeginTrace } from '../policies/trace.js';
import { afterPolling } from '../runtime/polling.js';
import type { Generation } from './generation.js';

/**
 * Hands what comes in to the configuration in force. Those before it live on until the last call that they took, its body
 * or its WebSocket, has ended.
 */
export class Generations implements ListenerTarget {
  /** Requests and upgrades ever. */
  taken = 0;
  readonly #context: SharedContext;
  readonly #onFault: (error: unknown) => void;
  readonly #retired = new Set<Generation>();
  #current: Generation;

  /** @param onFault is told when one before could not be closed */
  constructor(first: Generation, context: SharedContext, onFault: (error: unknown) => void) {
    this.#current = first;
    this.#context = context;
    this.#onFault = onFault;
  }

  get current(): Generation {
    return this.#current;
  }

  /** How many there are: the one in force, and those before it that still have calls. */
  get size(): number {
    return 1 + this.#retired.size;
  }

  /** Calls that have not ended, whichever generation took them. */
  get inFlight(): number {
    return this.#context.live.size;
  }

  /** Opens the first one. */
  async start(beginTrace: BeginTrace | undefined): Promise<void> {
    this.#current.upstreams.start();
    await this.#current.open(beginTrace);
  }

  /** From now on everything goes to the next generation, which is open. */
  replace(next: Generation): void {
    const before = this.#current;
    this.#current = next;
    next.upstreams.start();
    before.upstreams.stop();
    this.#retired.add(before);
    this.#closeOnceIdle(before);
  }

  /** Cuts all connections to upstreams. */
  async destroy(): Promise<void> {
    await Promise.all([this.#current, ...this.#retired].map(({ upstreams }) => upstreams.destroy()));
  }

  readonly handleRequest = (request: IncomingMessage, response: ServerResponse): void => {
    this.taken++;
    this.#edge?.handleRequest(request, response);
  };

  readonly handleUpgrade: ListenerTarget['handleUpgrade'] = (request, socket, head) => {
    this.taken++;
    this.#edge?.handleUpgrade(request, socket, head);
  };

  readonly refuse: ListenerTarget['refuse'] = (...what) => this.#edge?.refuse(...what);

  readonly afterCalls: ListenerTarget['afterCalls'] = (...what) => this.#edge?.afterCalls(...what);

  beginDrain(): void {
    this.#edge?.beginDrain();
  }

  refuseUnanswered(): void {
    this.#edge?.refuseUnanswered();
  }

  get #edge(): Edge | undefined {
    return this.#current.edge;
  }

  #closeOnceIdle(generation: Generation): void {
    generation.edge?.whenIdle(() => {
      // One that was handed over a moment ago may only be on its way.
      afterPolling(() => {
        if ((generation.edge?.inFlight ?? 0) > 0) {
          this.#closeOnceIdle(generation);
          return;
        }
        this.#retired.delete(generation);
        generation.close().catch(this.#onFault);
      });
    });
  }
}
