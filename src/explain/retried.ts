import type { ResolvedRoute } from '../config/config.js';
import { keptBodySize } from '../config/kept-body.js';
import { retriesBefore } from '../policies/call-context.js';
import type { SuppressedReason } from '../policies/events.js';
import { retryRules } from '../policies/retry.js';
import { type DecidedCall, decideRetry } from '../policies/rules/retry-decision.js';
import type { AskedCall } from './asked.js';

/** Why something is not retried: as in the metric retries_suppressed_total, or retries are off, or it is an upgrade. */
export type NotRetriedReason = SuppressedReason | 'off' | 'upgrade';

/** What is retried for one call. */
export interface Retried {
  /** Entries of `retry.on`. */
  readonly on: readonly string[];
  /** The other entries, by the reason. */
  readonly not: readonly NotRetried[];
}

export interface NotRetried {
  readonly on: readonly string[];
  readonly reason: NotRetriedReason;
  readonly why: string;
}

/** Asks the retry policy's own decision, for each entry of `retry.on`, after a first attempt that failed so. */
export function retriedFor(route: ResolvedRoute, asked: AskedCall): Retried {
  const { retry } = route;
  const none = (reason: NotRetriedReason, why: string): Retried => ({ on: [], not: [{ on: [], reason, why }] });
  if (retry === false) return none('off', 'retry is false');
  if (asked.upgrade) return none('upgrade', 'a WebSocket handshake is one attempt');
  if (retry.mode === 'shadow') return none('shadow', 'retry.mode is shadow: retries are only counted');
  if (retry.on.length === 0) return none('off', 'retry.on is empty');
  const rules = retryRules(retry);
  const on: string[] = [];
  const not = new Map<SuppressedReason, string[]>();
  for (const entry of retry.on.map(String)) {
    const result = entry === 'connect-failure' ? entry : 'reset';
    const failed = { number: 1, result, retryAfterMs: undefined, previousDelayMs: undefined } as const;
    const verdict = decideRetry(rules, decidedCall(route, asked), failed, retriesBefore(asked) > 0, 0, () => 0);
    if (verdict.retry) on.push(entry);
    else not.set(verdict.reason, [...(not.get(verdict.reason) ?? []), entry]);
  }
  return { on, not: [...not].map(([reason, entries]) => ({ on: entries, reason, why: why(reason, route, asked) })) };
}

/** Why a call gets no hedges though its route has them; undefined if it does, or there are none to be had. */
export function whyNotHedged(route: ResolvedRoute, asked: AskedCall): string | undefined {
  const { hedge, retry } = route;
  if (hedge === false) return undefined;
  if (asked.upgrade) return 'a WebSocket handshake is one attempt';
  if (retry !== false && retry.mode === 'shadow') return 'retry.mode is shadow: hedges are not made either';
  if (!hedge.methods.includes(asked.method)) return `${asked.method} is not in hedge.methods`;
  if (retriesBefore(asked) > 0)
    return 'x-retry-attempt says that the app itself retries, and layers that hedge multiply';
  return bodyOf(route, asked).state === 'streaming' ? 'its body is too large to be kept' : undefined;
}

/** Whether the body can be sent again: it is kept if it fits, and there is room for it. */
export function bodyOf(route: ResolvedRoute, { bodyBytes }: AskedCall): DecidedCall['body'] {
  if (bodyBytes === 0) return { state: 'none', notKept: undefined };
  return bodyBytes <= keptBodySize(route)
    ? { state: 'kept', notKept: undefined }
    : { state: 'streaming', notKept: 'body-too-large' };
}

function decidedCall(route: ResolvedRoute, asked: AskedCall): DecidedCall {
  return {
    method: asked.method,
    header: (name) => asked.header(name),
    deadlineAt: Infinity,
    body: bodyOf(route, asked),
  };
}

function why(reason: SuppressedReason, { retry }: ResolvedRoute, { method }: AskedCall): string {
  if (retry === false) return reason;
  const keys = retry.idempotencyKeys;
  switch (reason) {
    case 'method':
      return keys.length === 0
        ? `${method} is not in retry.methods`
        : `${method} is not in retry.methods, and the request bears no ${keys.join(' or ')}`;
    case 'already-a-retry':
      return 'x-retry-attempt says that the app itself retries, and layers that retry multiply';
    case 'body-too-large':
      return `its body is larger than retry.maxBodySize (${retry.maxBodySize}), so that it is streamed once`;
    case 'attempts':
      return `retry.maxAttempts is ${retry.maxAttempts}`;
    default:
      return reason;
  }
}
