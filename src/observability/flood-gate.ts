import type { Clock, Timer } from '../runtime/clock.js';

/** What lines of one kind have in common. Values come from the configuration or from small fixed sets. */
export type LineKind = Readonly<Record<string, string | number | undefined>>;

/** Lines that were left out. */
export interface Repeated<Level> {
  readonly level: Level;
  readonly message: string;
  readonly kind: LineKind;
  readonly times: number;
}

/** How many lines of a kind are written in each interval. */
const FIRST = 20;

/** Milliseconds. */
export const FLOOD_INTERVAL_MS = 10_000;

/** Kinds told apart in one interval; beyond, lines with one message count as one, so that no input can make this grow. */
const MAX_KINDS = 1_000;

interface Count<Level> {
  readonly level: Level;
  readonly message: string;
  readonly kind: LineKind;
  written: number;
  left: number;
}

/**
 * Keeps a storm from filling the disk: of lines of the same kind the first few of each interval are written, the rest are
 * counted and told in one line when the interval ends. Kinds don't take each other's places, so that a rare line is seen
 * however many there are of another.
 */
export class FloodGate<Level> {
  readonly #clock: Clock;
  readonly #tell: (repeated: Repeated<Level>) => void;
  readonly #counts = new Map<string, Count<Level>>();
  #startedAt = -Infinity;
  #timer: Timer | undefined;

  constructor(clock: Clock, tell: (repeated: Repeated<Level>) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Whether a line is written. `first`: how many of its kind are in one interval. */
  admits(level: Level, message: string, kind: LineKind, first = FIRST): boolean {
    const now = this.#clock.now();
    if (now - this.#startedAt >= FLOOD_INTERVAL_MS) this.#begin(now);
    const count = this.#count(level, message, kind);
    if (count.written < first) {
      count.written++;
      return true;
    }
    count.left++;
    this.#timer ??= this.#clock.setTimer(this.#startedAt + FLOOD_INTERVAL_MS - now, this.flush, true);
    return false;
  }

  /** Tells what was left out so far, and begins anew. */
  readonly flush = (): void => {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#startedAt = -Infinity;
    const counts = [...this.#counts.values()];
    this.#counts.clear();
    for (const { level, message, kind, left } of counts) {
      if (left > 0) this.#tell({ level, message, kind, times: left });
    }
  };

  #begin(now: number): void {
    this.flush();
    this.#startedAt = now;
  }

  #count(level: Level, message: string, kind: LineKind): Count<Level> {
    const key = `${message} ${Object.values(kind).join(' ')}`;
    const count = this.#counts.get(key);
    if (count !== undefined) return count;
    if (this.#counts.size < MAX_KINDS) return this.#add(key, level, message, kind);
    return this.#counts.get(message) ?? this.#add(message, level, message, {});
  }

  #add(key: string, level: Level, message: string, kind: LineKind): Count<Level> {
    const count = { level, message, kind, written: 0, left: 0 };
    this.#counts.set(key, count);
    return count;
  }
}
