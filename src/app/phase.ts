import type { Readiness } from '../admin/server.js';

/** Where the process is in its life. */
export class Phase {
  #now: 'starting' | 'ready' | 'draining' = 'starting';
  #quit: (() => void) | undefined;

  get isDraining(): boolean {
    return this.#now === 'draining';
  }

  /** What /readyz says. */
  get readiness(): Readiness {
    return this.#now === 'ready' ? { ready: true } : { ready: false, reason: this.#now };
  }

  /** Calls are taken. */
  started(): void {
    this.#now = 'ready';
  }

  drainBegun(): void {
    this.#now = 'draining';
  }

  /** Calls back when an operator asks the process to drain and end. */
  onQuit(listener: () => void): void {
    this.#quit = listener;
  }

  /** Asks the process to drain and end; false if nobody would hear it. */
  askToQuit(): boolean {
    this.#quit?.();
    return this.#quit !== undefined;
  }
}
