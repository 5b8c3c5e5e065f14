import type { Config } from '../config/config.js';
import { EventFeed } from '../observability/event-feed.js';
import { EventLog } from '../observability/event-log.js';
import type { Logger } from '../observability/logging.js';
import { Metrics } from '../observability/metrics.js';
import type { OperatorChange } from '../observability/operator-change.js';
import type { ReloadReport } from '../observability/reload-report.js';
import type { CallEvent, PolicyEvent } from '../policies/events.js';
import type { Clock } from '../runtime/clock.js';
import { afterPolling } from '../runtime/polling.js';
import type { LiveTracing } from './live-tracing.js';
import { topologyOf } from './topology.js';

export interface ObserversOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Outrigger's own version. */
  readonly version: string;
  readonly tracing: LiveTracing;
}

/** All who watch what happens: they are told, and change nothing. They live as long as the process. */
export class Observers {
  readonly metrics: Metrics;
  readonly log: EventLog;
  readonly feed: EventFeed;
  readonly #logger: Logger;
  readonly #tracing: LiveTracing;

  constructor({ config, logger, clock, version, tracing }: ObserversOptions) {
    this.metrics = new Metrics({ topology: topologyOf(config), clock, version, pause });
    this.log = new EventLog(logger, config.log.access, clock);
    this.feed = new EventFeed(clock);
    this.#logger = logger;
    this.#tracing = tracing;
  }

  readonly emit = (event: PolicyEvent | CallEvent): void => {
    try {
      this.metrics.record(event);
      this.log.record(event);
      this.feed.record(event);
      this.#tracing.record(event);
    } catch (error) {
      // Who only watches must not break what is watched.
      this.#logger.error({ err: error, event: event.type }, 'bug');
    }
  };

  /** An operator changed something. */
  change(change: OperatorChange): void {
    this.log.change(change);
    this.feed.change(change);
  }

  /** Another configuration is in force. */
  follow(config: Config): void {
    this.metrics.setTopology(topologyOf(config));
    this.log.setAccess(config.log.access);
  }

  /** Somebody asked for a reload. */
  reload(report: ReloadReport): void {
    const { result } = report;
    try {
      if (result !== 'draining') {
        this.metrics.configReloaded(result === 'changed' || result === 'unchanged' ? 'success' : 'failure');
      }
      this.log.reload(report);
      this.feed.reload(report);
    } catch (error) {
      this.fault(error);
    }
  }

  /** Something of ours went wrong that no call notices. */
  fault(error: unknown): void {
    this.#logger.error({ err: error }, 'bug');
  }
}

/** Until all sockets were polled anew: what has come in meanwhile was taken up. */
const pause = (): Promise<void> => new Promise(afterPolling);
