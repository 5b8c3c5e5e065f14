import type { Clock } from '../runtime/clock.js';

export interface DrainHooks {
  readonly clock: Clock;
  /** Calls are taken at least so long, in milliseconds. */
  readonly delayMs: number;
  /** The drain is over after so long whatever is still in flight, in milliseconds. */
  readonly timeoutMs: number;
  /** Calls that have not ended, open WebSockets among them. */
  inFlight(): number;
  /** Calls taken ever: tells a quiet while from one with short calls in it. */
  taken(): number;
  /** Takes no more connections, and closes those on which nothing happens. Calls that are under way go on. */
  stopTaking(): void;
  /** Answers the calls whose answer has not begun with `draining`. */
  refuseRest(): void;
}

/** So long no call may have been in flight before the drain is over, in milliseconds. */
const QUIET_MS = 500;

/** How often calls in flight are looked at, in milliseconds. */
const LOOK_EVERY_MS = 20;

/** What last answers get to reach their clients, in milliseconds. */
const LAST_WORDS_MS = 100;

/**
 * Waits until the process may end (SIGTERM). Calls are taken all the while, since the app beside
 * us may need some to shut down: the drain is over when `delayMs` has passed and none has been in flight for half a
 * second, or at `timeoutMs`, when what has no answer yet is refused and streams that remain are left to be cut. When it is
 * quiet the doors are shut, and a call that has slipped in meanwhile is still answered.
 *
 * Whoever calls this has turned /readyz to 503 before, and has every answer bear Connection: close from then on.
 */
export function drain(hooks: DrainHooks): Promise<'quiet' | 'timeout'> {
  const { clock, delayMs, timeoutMs } = hooks;
  const start = clock.now();
  let taken = hooks.taken();
  let quietSince = start;
  let shut = false;
  return new Promise((resolve) => {
    const look = () => {
      const now = clock.now();
      if (hooks.inFlight() > 0 || hooks.taken() !== taken) quietSince = now;
      taken = hooks.taken();
      if (now - start >= delayMs && now - quietSince >= QUIET_MS && !shut) {
        shut = true;
        hooks.stopTaking();
        // What had come in by then is read before this timer is due.
        clock.setTimer(0, look);
      } else if (shut && hooks.inFlight() === 0) {
        resolve('quiet');
      } else if (now - start >= timeoutMs) {
        hooks.refuseRest();
        clock.setTimer(LAST_WORDS_MS, () => {
          resolve('timeout');
        });
      } else {
        clock.setTimer(Math.min(LOOK_EVERY_MS, start + timeoutMs - now), look);
      }
    };
    look();
  });
}
