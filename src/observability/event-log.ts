import type { CallEvent, PolicyEvent } from '../policies/events.js';
import type { Logger } from './logging.js';
import type { OperatorChange, RefusedChange } from './operator-change.js';

/** Which finished calls get a line: all, all but successes, or none. */
export type AccessLog = 'all' | 'errors' | 'off';

type EventOf<Type extends PolicyEvent['type']> = Extract<PolicyEvent, { type: Type }>;

/**
 * Writes what policies and the edge say they did. The messages are short and stable:
 *
 * | message | level | when |
 * | --- | --- | --- |
 * | retrying | warn | before each back-off |
 * | circuit open, circuit forced-open | warn | a circuit opened |
 * | circuit closed, half-open, ramping, forced-closed | info | any other change of a circuit |
 * | endpoint unhealthy, endpoint healthy | warn, info | a health check changed its mind |
 * | addresses changed, lookup recovered | info | what a name stands for |
 * | lookup failed | warn | lookups of a name began to fail; the addresses in force stay |
 * | fallback | info | a fallback step was tried |
 * | call | info; warn for a failure or a refusal; error for our own faults | a call has ended, as log.access says; our own faults always |
 * | admin change | warn | an operator changed something, or what was changed for a while is over |
 * | admin change refused | warn | a request to change something was not followed |
 * | retry suppressed, timeout, hedge, rate limited, fault injected, would have acted | debug | each time |
 */
export class EventLog {
  readonly #logger: Logger;
  readonly #access: AccessLog;

  constructor(logger: Logger, access: AccessLog) {
    this.#logger = logger;
    this.#access = access;
  }

  record(event: PolicyEvent | CallEvent): void {
    switch (event.type) {
      case 'attempt':
      case 'retry-success':
      case 'circuit-refusal':
        return;
      case 'call':
        this.#call(event);
        return;
      case 'retry':
        this.#retry(event);
        return;
      case 'circuit':
        this.#circuit(event);
        return;
      case 'health':
        this.#health(event);
        return;
      case 'discovery':
        this.#discovery(event);
        return;
      case 'fallback':
        if (this.#logger.isLevelEnabled('info')) this.#logger.info(detailsOf(event), 'fallback');
        return;
      default:
        if (this.#logger.isLevelEnabled('debug')) this.#logger.debug(detailsOf(event), DEBUG_MESSAGES[event.type]);
    }
  }

  /** Takes what an operator changed. */
  change(change: OperatorChange): void {
    this.#logger.warn(change, 'admin change');
  }

  /** Takes a request to change something that was not followed. */
  refusedChange(refused: RefusedChange): void {
    this.#logger.warn(refused, 'admin change refused');
  }

  #retry({ attempt, maxAttempts, reason, error, status, delayMs }: EventOf<'retry'>): void {
    if (!this.#logger.isLevelEnabled('warn')) return;
    const { route, upstream, traceId } = attempt.call;
    this.#logger.warn(
      {
        route,
        upstream,
        endpoint: attempt.endpoint?.label,
        attempt: attempt.number,
        attempts: maxAttempts,
        reason,
        error: error?.code,
        detail: error?.message,
        status,
        nextDelayMs: Math.round(delayMs),
        traceId,
      },
      'retrying',
    );
  }

  #circuit({ upstream, key, from, to, reason, forMs }: EventOf<'circuit'>): void {
    const opened = to === 'open' || to === 'forced-open';
    const details = { upstream, key, from, to, reason, forMs: forMs === undefined ? undefined : Math.round(forMs) };
    this.#logger[opened ? 'warn' : 'info'](details, `circuit ${to}`);
  }

  #health({ upstream, endpoint, healthy, reason }: EventOf<'health'>): void {
    const level = healthy ? 'info' : 'warn';
    this.#logger[level]({ upstream, endpoint, reason }, healthy ? 'endpoint healthy' : 'endpoint unhealthy');
  }

  #discovery({ upstream, hostname, result, addresses, reason }: EventOf<'discovery'>): void {
    const level = result === 'failed' ? 'warn' : 'info';
    this.#logger[level](
      { upstream, hostname, addresses, reason },
      result === 'changed' ? 'addresses changed' : `lookup ${result}`,
    );
  }

  #call({ call, status, outcome, error, durationMs }: CallEvent): void {
    const ours = error?.code === 'internal';
    if (!ours && (this.#access === 'off' || (this.#access === 'errors' && outcome === 'success'))) return;
    const level = ours ? 'error' : outcome === 'failure' || outcome === 'refused' ? 'warn' : 'info';
    if (!this.#logger.isLevelEnabled(level)) return;
    this.#logger[level](
      {
        route: call.route,
        upstream: call.upstream,
        method: call.method,
        path: call.path,
        status,
        attempts: call.attempts,
        durationMs: Math.round(durationMs * 10) / 10,
        outcome,
        fallback: call.fallback ?? null,
        retriesSuppressed: call.suppressed,
        traceId: call.traceId ?? null,
        error: error?.code,
        detail: error?.message,
        // Only our own faults come with a stack; the upstream's would flood the log.
        err: level === 'error' ? error : undefined,
      },
      'call',
    );
  }
}

const DEBUG_MESSAGES = {
  'retry-suppressed': 'retry suppressed',
  timeout: 'timeout',
  hedge: 'hedge',
  'rate-limited': 'rate limited',
  fault: 'fault injected',
  shadow: 'would have acted',
} as const;

/** An event without its type, and without the call but for what names it. */
function detailsOf(event: EventOf<keyof typeof DEBUG_MESSAGES | 'fallback'>): object {
  if (event.type === 'shadow') {
    const { route, upstream, policy, action } = event;
    return { route, upstream, policy, action };
  }
  const { type: _type, call, ...rest } = event;
  return { route: call.route, upstream: call.upstream, ...rest, traceId: call.traceId };
}
