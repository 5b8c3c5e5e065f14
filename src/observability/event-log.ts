import type { CallEvent, EventOf, PolicyEvent } from '../policies/events.js';
import type { Clock } from '../runtime/clock.js';
import { CallLog, type AccessLog } from './call-log.js';
import { LineWriter } from './line-writer.js';
import type { Logger } from './logging.js';
import type { OperatorChange, RefusedChange } from './operator-change.js';
import { logReload } from './reload-log.js';
import type { ReloadReport } from './reload-report.js';

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
 * | repeated | as the lines | how many lines of a kind were left out: see LineWriter |
 * | retry suppressed, timeout, hedge, rate limited, fault injected, would have acted | debug | each time |
 *
 * Lines that every call may cause are written a few times in ten seconds and then counted, but for those that were asked
 * for: all at the level debug, and of finished calls with `log.access: all`.
 */
export class EventLog {
  readonly #logger: Logger;
  readonly #lines: LineWriter;
  readonly #calls: CallLog;

  constructor(logger: Logger, access: AccessLog, clock: Clock) {
    this.#logger = logger;
    this.#lines = new LineWriter(logger, clock);
    this.#calls = new CallLog(this.#lines, access);
  }

  /** Writes how many lines were left out so far. For the end of the process. */
  flush(): void {
    this.#lines.flush();
  }

  record(event: PolicyEvent | CallEvent): void {
    switch (event.type) {
      case 'attempt':
        this.#calls.attempt(event);
        return;
      case 'retry-success':
      case 'circuit-refusal':
        return;
      case 'call':
        this.#calls.ended(event);
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
        if (event.reason !== 'event-loop') this.#lines.write('warn', BOUNDS[event.reason], {}, undefined, 1);
        return;
      case 'shedding':
        this.#lines.write(event.active ? 'warn' : 'info', event.active ? 'shedding' : 'shedding ended', {});
        return;
      case 'fallback': {
        const { call, kind, cause, result } = event;
        this.#lines.write(
          'info',
          'fallback',
          { route: call.route, upstream: call.upstream, kind, cause, result },
          () => ({
            traceId: call.traceId,
          }),
        );
        return;
      }
      default:
        if (this.#logger.isLevelEnabled('debug')) this.#logger.debug(detailsOf(event), DEBUG_MESSAGES[event.type]);
    }
  }

  /** Takes another `log.access`. */
  setAccess(access: AccessLog): void {
    this.#calls.setAccess(access);
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
    this.#lines.write('warn', 'admin change refused', { change, status, code }, () => ({ by }));
  }

  #retry({ attempt, maxAttempts, reason, error, status, delayMs }: EventOf<'retry'>): void {
    const { route, upstream, traceId } = attempt.call;
    const kind = { route, upstream, endpoint: attempt.endpoint?.label, reason, error: error?.code, status };
    this.#lines.write('warn', 'retrying', kind, () => ({
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
    this.#lines.write(opened ? 'warn' : 'info', `circuit ${to}`, { upstream, from, to, reason }, () => ({
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
