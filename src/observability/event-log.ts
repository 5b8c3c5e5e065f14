import type { CallEvent, PolicyEvent, ResultClass } from '../policies/events.js';
import type { Call } from '../policies/policy.js';
import type { Clock } from '../runtime/clock.js';
import { FLOOD_INTERVAL_MS, FloodGate, type LineKind } from './flood-gate.js';
import type { Logger } from './logging.js';
import type { OperatorChange, RefusedChange } from './operator-change.js';
import { logReload } from './reload-log.js';
import type { ReloadReport } from './reload-report.js';

/** Which finished calls get a line: all, all but successes, or none. */
export type AccessLog = 'all' | 'errors' | 'off';

/** What the line of a call tells of an attempt. */
interface Try {
  readonly endpoint: string;
  readonly result: ResultClass;
  /** Until its head, or its failure before that. */
  readonly durationMs: number;
  /** It ran beside an earlier one: their durations overlap. */
  readonly hedge?: true;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

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
 * | reloaded, nothing changed | info | the policy file was read again |
 * | configuration is valid again; nothing changed | info | so it was, and the time before it had a mistake |
 * | reload failed | error | what is wrong with it, one line each; what was in force still is |
 * | needs a restart | warn | a key was changed that takes effect only at the start |
 * | reload refused | warn | the process is about to end |
 * | admin change refused | warn | a request to change something was not followed |
 * | shedding, shedding ended | warn, info | new calls are refused since the event loop stands behind; no more |
 * | too many connections, out of file descriptors | warn | at the process's own bounds; once in ten seconds |
 * | repeated | as the lines | how many lines of a kind were left out: see FloodGate |
 * | retry suppressed, timeout, hedge, rate limited, fault injected, would have acted | debug | each time |
 *
 * Lines that every call may cause are written a few times in ten seconds and then counted, but for those that were asked
 * for: all at the level debug, and of finished calls with `log.access: all`.
 */
export class EventLog {
  readonly #logger: Logger;
  #access: AccessLog;
  readonly #gate: FloodGate<Level>;
  /** By the call of the app. Calls may end before their last attempt, so that nothing tells when to forget. */
  readonly #tries = new WeakMap<Call, Try[]>();

  constructor(logger: Logger, access: AccessLog, clock: Clock) {
    this.#logger = logger;
    this.#access = access;
    this.#gate = new FloodGate(clock, ({ level, message, kind, times }) =>
      logger[level]({ line: message, ...kind, times, withinMs: FLOOD_INTERVAL_MS }, 'repeated'),
    );
  }

  /** Writes how many lines were left out so far. For the end of the process. */
  flush(): void {
    this.#gate.flush();
  }

  record(event: PolicyEvent | CallEvent): void {
    switch (event.type) {
      case 'attempt':
        this.#attempt(event);
        return;
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
      case 'shed':
        if (event.reason !== 'event-loop') this.#write('warn', BOUNDS[event.reason], {}, undefined, 1);
        return;
      case 'shedding':
        this.#write(event.active ? 'warn' : 'info', event.active ? 'shedding' : 'shedding ended', {});
        return;
      case 'fallback': {
        const { call, kind, cause, result } = event;
        this.#write('info', 'fallback', { route: call.route, upstream: call.upstream, kind, cause, result }, () => ({
          traceId: call.traceId,
        }));
        return;
      }
      default:
        if (this.#logger.isLevelEnabled('debug')) this.#logger.debug(detailsOf(event), DEBUG_MESSAGES[event.type]);
    }
  }

  /** Takes another `log.access`. */
  setAccess(access: AccessLog): void {
    this.#access = access;
  }

  /** Takes how a reload of the policy file went: no such line is ever left out. */
  reload(report: ReloadReport): void {
    logReload(this.#logger, report);
  }

  /** Takes what an operator changed: no such line is ever left out. */
  change(change: OperatorChange): void {
    this.#logger.warn(change, 'admin change');
  }

  /** Takes a request to change something that was not followed. */
  refusedChange({ change, by, status, code }: RefusedChange): void {
    this.#write('warn', 'admin change refused', { change, status, code }, () => ({ by }));
  }

  /** Keeps what an attempt was like for the line of its call, where there will be one: a call that ends well may need none. */
  #attempt(event: EventOf<'attempt'>): void {
    const { call, endpoint, hedge } = event.attempt;
    if (endpoint === undefined || this.#access === 'off') return;
    const { result } = event;
    let tries = this.#tries.get(call.root);
    if (tries === undefined) {
      // A call that a fallback upstream answers has a line also where nothing was sent to its own.
      const own = call.root === call;
      if (this.#access === 'errors' && own && result === 'success' && (event.status ?? 0) < 400) return;
      tries = [];
      this.#tries.set(call.root, tries);
    }
    if (tries.length >= MOST_TRIES) return;
    const durationMs = rounded(event.durationMs);
    tries.push({ endpoint: endpoint.label, result, durationMs, ...(hedge ? { hedge } : {}) });
  }

  #retry({ attempt, maxAttempts, reason, error, status, delayMs }: EventOf<'retry'>): void {
    const { route, upstream, traceId } = attempt.call;
    const kind = { route, upstream, endpoint: attempt.endpoint?.label, reason, error: error?.code, status };
    this.#write('warn', 'retrying', kind, () => ({
      attempt: attempt.number,
      attempts: maxAttempts,
      detail: error?.message,
      nextDelayMs: Math.round(delayMs),
      traceId,
    }));
  }

  #circuit({ upstream, key, from, to, reason, forMs }: EventOf<'circuit'>): void {
    const opened = to === 'open' || to === 'forced-open';
    // Keys may come from requests.
    this.#write(opened ? 'warn' : 'info', `circuit ${to}`, { upstream, from, to, reason }, () => ({
      key,
      forMs: forMs === undefined ? undefined : Math.round(forMs),
    }));
  }

  #health({ upstream, endpoint, healthy, reason }: EventOf<'health'>): void {
    const level = healthy ? 'info' : 'warn';
    this.#logger[level]({ upstream, endpoint, reason }, healthy ? 'endpoint healthy' : 'endpoint unhealthy');
  }

  #discovery({ upstream, hostname, result, addresses, reason }: EventOf<'discovery'>): void {
    const level = result === 'failed' ? 'warn' : 'info';
    // Not `hostname`: readers of pino's lines take that for the machine's, and leave it out.
    this.#logger[level](
      { upstream, host: hostname, addresses, reason },
      result === 'changed' ? 'addresses changed' : `lookup ${result}`,
    );
  }

  #call(event: CallEvent): void {
    const ours = event.error?.code === 'internal';
    if (!ours && (this.#access === 'off' || (this.#access === 'errors' && event.outcome === 'success'))) return;
    this.#writeCall(event, ours);
  }

  #writeCall({ call, status, outcome, error, durationMs }: CallEvent, ours: boolean): void {
    const level = ours ? 'error' : outcome === 'failure' || outcome === 'refused' ? 'warn' : 'info';
    const { route, upstream } = call;
    const kind = {
      route,
      upstream,
      status,
      outcome,
      error: error?.code,
      ...(ours && error !== undefined ? { bug: bugOf(error) } : {}),
    };
    this.#write(
      level,
      'call',
      kind,
      () => ({
        method: call.method,
        path: call.path,
        attempts: call.attempts,
        durationMs: rounded(durationMs),
        tries: this.#tries.get(call.root),
        fallback: call.fallback ?? null,
        retriesSuppressed: call.suppressed,
        traceId: call.traceId ?? null,
        detail: error?.message,
        // Only our own faults come with a stack; the upstream's would flood the log.
        err: level === 'error' ? error : undefined,
      }),
      this.#access === 'all' ? Infinity : undefined,
    );
  }

  /** Writes a line, unless there have been enough of its kind: more than `first` within an interval. */
  #write(level: Level, message: string, kind: LineKind, rest?: () => object, first?: number): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    if (!this.#logger.isLevelEnabled('debug') && !this.#gate.admits(level, message, kind, first)) return;
    this.#logger[level]({ ...kind, ...rest?.() }, message);
  }
}

/** Attempts that a line tells of. */
const MOST_TRIES = 20;

/** Tenths of a millisecond. */
function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** What tells one of our own faults from another. */
function bugOf({ message, cause }: Error): string {
  return cause instanceof Error ? cause.message : message;
}

const BOUNDS = { connections: 'too many connections', descriptors: 'out of file descriptors' } as const;

const DEBUG_MESSAGES = {
  'retry-suppressed': 'retry suppressed',
  timeout: 'timeout',
  hedge: 'hedge',
  'rate-limited': 'rate limited',
  fault: 'fault injected',
  shadow: 'would have acted',
} as const;

/** An event without its type, and without the call but for what names it. */
function detailsOf(event: EventOf<keyof typeof DEBUG_MESSAGES>): object {
  if (event.type === 'shadow') {
    const { route, upstream, policy, action } = event;
    return { route, upstream, policy, action };
  }
  const { type: _type, call, ...rest } = event;
  return { route: call.route, upstream: call.upstream, ...rest, traceId: call.traceId };
}
