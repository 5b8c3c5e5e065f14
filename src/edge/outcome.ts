import type { ErrorCode, OutriggerError } from '../errors.js';
import type { CallOutcome } from '../policies/events.js';
import type { Call } from '../policies/policy.js';

/** Codes of errors that mean: refused here. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'circuit-open',
  'overload',
  'rate-limited',
  'draining',
  'shedding',
  'no-route',
  'bad-request',
  'loop',
]);

/** How a call ended for the app: what it was told of (`error`), who answered (`fallback`), and with which status. */
export function outcomeOf(error: OutriggerError | undefined, fallback: Call['fallback'], status: number): CallOutcome {
  if (error !== undefined) {
    if (error.code === 'client-gone') return 'client-gone';
    return REFUSALS.has(error.code) ? 'refused' : 'failure';
  }
  if (fallback !== undefined) return 'fallback';
  return status < 500 ? 'success' : 'failure';
}
