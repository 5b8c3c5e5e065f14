import { Readable } from 'node:stream';
import { LocalController } from '../../policies/pass-through.js';
import type { CallOptions, Handler } from '../../policies/policy.js';
import type { Exchange } from './exchange.js';

/** A request that waits for a connection. */
export interface WaitingRequest {
  readonly opts: CallOptions;
  readonly handler: Handler;
  /** It has been sent before, over a connection that was closed at that moment. */
  readonly before?: Exchange;
}

/** Whether nobody has given it up since it was sent before; asked once, when it waits no more. */
export function isWanted({ before }: WaitingRequest): boolean {
  if (before === undefined) return true;
  const wanted = !before.over;
  before.waiting = false;
  before.over = true;
  return wanted;
}

/** Whether its call has another attempt. */
export function isHedge({ opts }: WaitingRequest): boolean {
  return opts.attempt?.hedge === true;
}

/** Ends a request for which there is no connection. */
export function fail(waiting: WaitingRequest, error: Error): void {
  if (!isWanted(waiting)) return;
  const { opts, handler } = waiting;
  if (opts.body instanceof Readable) opts.body.destroy();
  handler.onResponseError?.(new LocalController(null, error), error);
}
