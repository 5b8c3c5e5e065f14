import type { Permit } from '../policy.js';

/** How an attempt ended, as far as a circuit cares. */
export type AttemptEnd = 'success' | 'failure' | 'ignored';

/** The circuit that gave a permit. */
export interface PermitOwner {
  /** The attempt has ended: told once for each permit. */
  record(permit: CircuitPermit, result: AttemptEnd, now: number, retryAfterMs?: number): void;
  /** The body of an answer that had counted as a success broke: it was none. */
  revoke(permit: CircuitPermit, now: number): void;
}

/** Leave for one attempt. Its end is reported once; whatever comes later changes nothing. */
export class CircuitPermit implements Permit {
  readonly generation: number;
  readonly since: number;
  readonly awaited: boolean;
  /** The bucket of the window that a success was counted in. */
  countedIn = Number.NaN;
  readonly #owner: PermitOwner;
  #ended: 'success' | 'other' | undefined;

  constructor(owner: PermitOwner, generation: number, since: number, awaited = false) {
    this.#owner = owner;
    this.awaited = awaited;
    this.generation = generation;
    this.since = since;
  }

  success(now: number): void {
    if (this.#ended !== undefined) return;
    this.#ended = 'success';
    this.#owner.record(this, 'success', now);
  }

  failure(now: number, retryAfterMs?: number): void {
    const before = this.#ended;
    this.#ended = 'other';
    if (before === undefined) this.#owner.record(this, 'failure', now, retryAfterMs);
    else if (before === 'success') this.#owner.revoke(this, now);
  }

  ignore(now: number): void {
    if (this.#ended !== undefined) return;
    this.#ended = 'other';
    this.#owner.record(this, 'ignored', now);
  }
}
