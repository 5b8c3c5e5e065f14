import { OutriggerError } from '../../errors.js';
import type { Clock, Timer } from '../../runtime/clock.js';
import type { Exchange } from './exchange.js';

/**
 * Ends an answer whose body pauses for longer than the `idleTimeoutMs` of its exchange. One for a connection, with one timer
 * for as long as a body lasts, not one for each piece. What the app does not take is no pause of the server's.
 */
export class PauseWatch {
  readonly #clock: Clock;
  readonly #onStall: (error: OutriggerError) => void;
  #timer: Timer | undefined;
  #heardAt = 0;

  /** @param onStall is called once a pause was too long, with a `bad-response`, reason `idle` */
  constructor(clock: Clock, onStall: (error: OutriggerError) => void) {
    this.#clock = clock;
    this.#onStall = onStall;
  }

  /** A piece has come, and more is to come. */
  watch(exchange: Exchange): void {
    this.heard();
    this.#timer ??= this.#clock.setTimer(exchange.idleTimeoutMs, () => this.#check(exchange));
  }

  /** A pause begins now, if nothing comes. */
  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  /** Nothing more is to come. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #check(exchange: Exchange): void {
    const { idleTimeoutMs, paused } = exchange;
    const left = paused ? idleTimeoutMs : this.#heardAt + idleTimeoutMs - this.#clock.now();
    if (left > 0) this.#timer = this.#clock.setTimer(left, () => this.#check(exchange));
    else this.#onStall(new OutriggerError('bad-response', 'the response stalled', { reason: 'idle' }));
  }
}
