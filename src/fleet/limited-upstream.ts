import type { CallOptions, Dispatch } from '../policies/policy.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { Fault } from './scenario.js';
import { UpstreamAttempt } from './upstream-attempt.js';
import { WorkQueue } from './work-queue.js';

export interface LimitedUpstreamOptions {
  /** Attempts a second; Infinity: as many as come. */
  readonly capacity: number;
  /** On average, in milliseconds, while it is well. */
  readonly latencyMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of each attempt of a call, when it comes in; `startedAt`: of its call. */
  readonly onAttempt?: (startedAt: number) => void;
}

/** What has become of the attempts that came in. */
export interface UpstreamCounts {
  arrived: number;
  /** Answered well, to a caller who still waited. */
  served: number;
  /** The same, but the caller was gone: work for nothing. */
  wasted: number;
  /** Answered with 503, or not let in: by a fault, or because the queue was full. */
  refused: number;
  /** Never answered, and the caller is gone. */
  unanswered: number;
  /** Cut off by a restart, while they waited or were worked on. */
  cut: number;
}

/** What is left of the capacity while it is slow. */
const SLOW_SPEED = 0.3;
/** The work it keeps waiting at most, in seconds of its capacity; what is beyond is refused. */
const LONGEST_QUEUE_SECONDS = 10;
/** With so much work waiting, in seconds of its capacity, … */
const THRASHING_SECONDS = 5;
/** … so much of its speed is left: what waits takes memory, locks and turns from what is worked on. */
const THRASHING_SPEED = 0.5;
/** However small the capacity is, a few calls that come together need not wait. */
const FEWEST_WORKERS = 4;
/** How soon an attempt is refused, in milliseconds. */
const REFUSAL_MS = 1;

/**
 * An upstream as real servers are: so many workers, a queue before them, and no knowledge of who still waits. Beyond its
 * capacity the queue grows, callers give up, and what they gave up on is worked on nevertheless; a long queue makes
 * everything slower. So an overload can outlast what caused it: a metastable failure (Bronson et al., HotOS 2021).
 *
 * Half of the time that a call takes is always the same, half is distributed exponentially.
 */
export class LimitedUpstream {
  readonly counts: UpstreamCounts = { arrived: 0, served: 0, wasted: 0, refused: 0, unanswered: 0, cut: 0 };
  /** The share of attempts that get a 503 instead, from 0 to 1. */
  failing = 0;
  readonly #options: LimitedUpstreamOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #workers: number;
  /** What a worker rests after an answer, in milliseconds: where there are more workers than the capacity needs. */
  readonly #restMs: number;
  readonly #longestQueue: number;
  #fault: Fault | undefined;
  readonly #queue = new WorkQueue<UpstreamAttempt>();
  /** What is worked on. */
  readonly #inWork = new Set<UpstreamAttempt>();
  /** How often it has restarted: work from before is nobody's. */
  #generation = 0;
  #busy = 0;
  #hanging = 0;

  constructor(options: LimitedUpstreamOptions) {
    const { capacity, latencyMs, clock, random } = options;
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    const needed = (capacity * latencyMs) / 1_000;
    this.#workers = Math.max(FEWEST_WORKERS, Math.ceil(needed - 1e-9));
    this.#restMs = this.#workers === Infinity ? 0 : (1_000 * Math.max(0, this.#workers - needed)) / capacity;
    this.#longestQueue = capacity * LONGEST_QUEUE_SECONDS;
  }

  /** What it suffers from. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  set fault(fault: Fault | undefined) {
    const restarts = fault === 'restart' && this.#fault !== 'restart';
    this.#fault = fault;
    if (restarts) this.#restart();
  }

  /** Attempts that wait to be worked on, those of callers who have gone included. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Attempts that are worked on. */
  get working(): number {
    return this.#inWork.size;
  }

  /** Attempts that will never be answered, and whose callers still wait. */
  get hanging(): number {
    return this.#hanging;
  }

  /** In place of the connections to it. @param wellStatus what a health check wants to see */
  dispatch(wellStatus: number): Dispatch {
    return ({ call }: CallOptions, handler) => {
      this.counts.arrived++;
      if (call !== undefined) this.#options.onAttempt?.(call.startedAt);
      const attempt = new UpstreamAttempt(handler, call === undefined ? wellStatus : 200, this.#abandoned);
      if (this.#fault === 'refuse' || this.#fault === 'restart') {
        this.counts.refused++;
        this.#clock.setTimer(0, () => attempt.refuse());
        return true;
      }
      if (attempt.start()) this.#take(attempt);
      else this.counts.unanswered++;
      return true;
    };
  }

  #take(attempt: UpstreamAttempt): void {
    if (this.#fault === 'hang') {
      this.#hanging++;
      attempt.hangs = true;
    } else if (this.#fault === '503' || (this.failing > 0 && this.#random() < this.failing)) {
      this.#refuse(attempt);
    } else if (this.#busy < this.#workers) {
      this.#work(attempt);
    } else if (this.#queue.length < this.#longestQueue) {
      this.#queue.add(attempt);
    } else {
      this.#refuse(attempt);
    }
  }

  #refuse(attempt: UpstreamAttempt): void {
    this.counts.refused++;
    this.#clock.setTimer(REFUSAL_MS, () => attempt.answer(503));
  }

  #work(attempt: UpstreamAttempt): void {
    const generation = this.#generation;
    this.#busy++;
    this.#inWork.add(attempt);
    const speed = this.#speed;
    const takes = (this.#options.latencyMs * (0.5 - 0.5 * Math.log(1 - this.#random()))) / speed;
    this.#clock.setTimer(takes, () => {
      if (generation !== this.#generation) return;
      this.#inWork.delete(attempt);
      if (attempt.gone) this.counts.wasted++;
      else this.counts.served++;
      // Before the answer, which may bring the next attempt: those that wait come first.
      if (this.#restMs === 0) this.#next(generation);
      else this.#clock.setTimer(this.#restMs / speed, () => this.#next(generation));
      attempt.answer();
    });
  }

  #next(generation: number): void {
    if (generation !== this.#generation) return;
    this.#busy--;
    const next = this.#queue.take();
    if (next !== undefined) this.#work(next);
  }

  /** Whoever waits for an answer is told at the same instant. */
  #restart(): void {
    const cut = [...this.#inWork];
    for (let next = this.#queue.take(); next !== undefined; next = this.#queue.take()) cut.push(next);
    this.#inWork.clear();
    this.#generation++;
    this.#busy = 0;
    this.counts.cut += cut.length;
    for (const attempt of cut) attempt.reset();
  }

  readonly #abandoned = (): void => {
    this.#hanging--;
    this.counts.unanswered++;
  };

  get #speed(): number {
    const waitingSeconds = this.#queue.length === 0 ? 0 : this.#queue.length / this.#options.capacity;
    const lost = (1 - THRASHING_SPEED) * Math.min(1, waitingSeconds / THRASHING_SECONDS);
    return (this.#fault === 'slow' ? SLOW_SPEED : 1) * (1 - lost);
  }
}
