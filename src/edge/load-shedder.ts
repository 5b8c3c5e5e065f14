import type { Clock, Timer } from '../runtime/clock.js';

export interface LoadShedderOptions<Call> {
  readonly clock: Clock;
  /** Calls back in the event loop's next round, once. */
  readonly nextRound: (callback: () => void) => void;
  /** How long a call may wait for the event loop while that is behind, in milliseconds; Infinity: none waits. */
  readonly maxDelayMs: number;
  readonly serve: (call: Call) => void;
  readonly refuse: (call: Call) => void;
  /** Refusing began, or has ended. */
  readonly onChange: (shedding: boolean) => void;
}

/** How often the loop is looked at, in milliseconds. */
const LOOK_EVERY_MS = 20;

/** A round that has lasted so much longer gives what comes from now on to the next ones, in milliseconds. */
const LONG_ROUND_MS = 10;

/** The time that a round gives to calls that have waited, in milliseconds. */
const TURN_MS = 2;

/** So long there must have been calls waiting before any is refused, in milliseconds: longer than a burst or a pause lasts. */
const STANDING_MS = 500;

interface Waiting<Call> {
  readonly call: Call;
  readonly since: number;
}

/**
 * Keeps the process from taking more calls than it can answer. All calls share one event loop. When more comes in than it
 * can do, every round takes longer, each call waits for several rounds, and in the end only calls are answered whose apps
 * have given up. Node also accepts one connection in a round: while rounds are long, new apps starve.
 *
 * So once a round is long, calls wait their turn and get a little time in each of the next rounds. That keeps rounds short
 * and shows how far behind the process is. A burst is worked off. When there have been calls waiting all the time for half
 * a second, it is none: those that have waited longer than the bound are refused then, cheaply, until none waits. This is
 * controlled delay (CoDel, RFC 8289, as servers use it: B. Maurer, Fail at Scale, ACM Queue 2015). Calls in flight go on.
 */
export class LoadShedder<Call> {
  readonly #options: LoadShedderOptions<Call>;
  #waiting: Waiting<Call>[] = [];
  /** The first in `#waiting` that still waits. */
  #next = 0;
  /** Since when there have been calls waiting; only while there are. */
  #behindSince = 0;
  #shedding = false;
  /** When the round that runs becomes a long one, unless it ends before. */
  #longAt = 0;
  #timer: Timer | undefined;

  constructor(options: LoadShedderOptions<Call>) {
    this.#options = options;
  }

  /** Whether calls that have waited too long are refused. */
  get shedding(): boolean {
    return this.#shedding;
  }

  /** Begins to look at the loop. */
  start(): void {
    if (this.#options.maxDelayMs === Infinity || this.#timer !== undefined) return;
    this.#look();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Whether a call that has come in has to wait. Asked for every call: while all is well it only reads the time. */
  get behind(): boolean {
    if (this.#timer === undefined) return false;
    if (this.#waiting.length > 0) return true;
    return this.#options.clock.now() > this.#longAt;
  }

  /** Has a call wait for its turn. */
  wait(call: Call): void {
    const { clock, nextRound } = this.#options;
    const now = clock.now();
    if (this.#waiting.push({ call, since: now }) > 1) return;
    this.#behindSince = now;
    nextRound(this.#giveTurns);
  }

  /** Whether a call waits that is one of these. */
  has(isOne: (call: Call) => boolean): boolean {
    for (let i = this.#next; i < this.#waiting.length; i++) if (isOne(this.#waiting[i]!.call)) return true;
    return false;
  }

  readonly #look = (): void => {
    this.#longAt = this.#options.clock.now() + LOOK_EVERY_MS + LONG_ROUND_MS;
    this.#timer = this.#options.clock.setTimer(LOOK_EVERY_MS, this.#look, true);
  };

  readonly #giveTurns = (): void => {
    const { clock, maxDelayMs, serve, refuse, nextRound } = this.#options;
    const began = clock.now();
    let now = began;
    this.#setShedding(now - this.#behindSince >= STANDING_MS);
    for (; this.#next < this.#waiting.length && now - began < TURN_MS; now = clock.now()) {
      const { call, since } = this.#waiting[this.#next++]!;
      if (this.#shedding && now - since > maxDelayMs) refuse(call);
      else serve(call);
    }
    if (this.#next < this.#waiting.length) {
      this.#forgetServed();
      nextRound(this.#giveTurns);
      return;
    }
    this.#waiting = [];
    this.#next = 0;
    this.#setShedding(false);
  };

  /** Moving the rest costs as much as there is, so that it is done when half of the list is over. */
  #forgetServed(): void {
    if (this.#next * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
  }

  #setShedding(shedding: boolean): void {
    if (shedding === this.#shedding) return;
    this.#shedding = shedding;
    this.#options.onChange(shedding);
  }
}
