import { asInternal, type OutriggerError } from '../errors.js';
import { LocalController } from './pass-through.js';
import type { Handler } from './policy.js';

/** A handler that says which one it tells. */
export interface LinkedHandler extends Handler {
  readonly above: Handler | undefined;
}

/**
 * Ends a call in which a layer threw: a bug of ours must cost that call and not the process. Every handler from the lowest
 * that has not ended is told, whichever of them is the broken one: so each gives back what it holds, and the app hears of
 * it. They have to bear being told twice, since one that works tells the next one too.
 *
 * @param lowest where what is told of the call would go next
 */
export function endBroken(lowest: Handler, cause: unknown): void {
  const error = asBroken(cause);
  const controller = new LocalController(null, error);
  for (let handler: Handler | undefined = lowest; handler !== undefined; handler = aboveOf(handler)) {
    try {
      handler.onResponseError?.(controller, error);
    } catch {
      // It is this one that is broken.
    }
  }
}

/** Does what a timer has set off. If it throws, the call ends that is told of by `handler`. */
export function contain(handler: Handler, step: () => void): void {
  try {
    step();
  } catch (cause) {
    endBroken(handler, cause);
  }
}

/** What a call ends with when a layer threw this. */
export function asBroken(cause: unknown): OutriggerError {
  return asInternal(cause, 'a layer failed');
}

function aboveOf(handler: Handler): Handler | undefined {
  return 'above' in handler ? (handler as LinkedHandler).above : undefined;
}
