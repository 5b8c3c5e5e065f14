import type { Admin } from '../admin/server.js';
import type { Address } from '../config/addresses.js';
import type { ListenAddress } from '../edge/bind.js';
import { drain } from '../edge/drain.js';
import type { Listener } from '../edge/listener.js';
import type { Logger } from '../observability/logging.js';
import type { Clock } from '../runtime/clock.js';
import type { AutoReload } from './auto-reload.js';
import type { ConfigInForce } from './config-in-force.js';
import type { Generations } from './generations.js';
import type { LiveTracing } from './live-tracing.js';
import type { Observers } from './observers.js';
import type { Phase } from './phase.js';

/** Where an app listens: `http://host:port` or `unix:/path`. */
export interface Listening {
  readonly listen: readonly string[];
  readonly admin: string;
}

/** What is started and ended, in order. */
export interface SidecarParts {
  readonly phase: Phase;
  readonly inForce: ConfigInForce;
  readonly generations: Generations;
  readonly listener: Listener;
  readonly admin: Admin;
  readonly observers: Observers;
  readonly tracing: LiveTracing;
  /** Undefined where there is no file to read again. */
  readonly reloads: AutoReload | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The proxy from its start to its end. */
export class Sidecar {
  readonly #parts: SidecarParts;

  constructor(parts: SidecarParts) {
    this.#parts = parts;
  }

  /** Listens. Fails with a message for people if it can't. */
  async start(): Promise<Listening> {
    const { phase, inForce, listener, admin, observers, reloads } = this.#parts;
    // First, so that whoever asks is told that it starts.
    const adminAddress = await admin.listen();
    observers.metrics.history.start();
    await inForce.start();
    const listen: string[] = [];
    for (const address of inForce.config.listen) listen.push(asUrl(await listener.listen(listenAddress(address))));
    phase.started();
    reloads?.start();
    return { listen, admin: asUrl(adminAddress) };
  }

  /** Ends when what is in flight has ended, or at drainTimeout. */
  async drain(): Promise<void> {
    const { phase, inForce, generations, listener, observers, tracing, reloads, clock, logger } = this.#parts;
    phase.drainBegun();
    reloads?.stop();
    generations.beginDrain();
    const { drainDelayMs: delayMs, drainTimeoutMs: timeoutMs } = inForce.config;
    const ended = await drain({
      clock,
      delayMs,
      timeoutMs,
      inFlight: () => generations.inFlight,
      taken: () => generations.taken,
      stopTaking: () => void listener.close(),
      refuseRest: () => generations.refuseUnanswered(),
    });
    await tracing.flush();
    observers.log.flush();
    if (ended === 'timeout') logger.warn({ inFlight: generations.inFlight }, 'calls cut at the drain timeout');
  }

  /** Cuts everything. */
  closeNow(): void {
    const { generations, listener, admin, observers, reloads } = this.#parts;
    reloads?.stop();
    observers.log.flush();
    observers.metrics.history.stop();
    listener.closeAllConnections();
    void Promise.allSettled([listener.close(), admin.close(), generations.destroy()]);
  }

  /** Calls back when an operator asks the process to drain and end; without a listener that is refused. */
  onQuit(listener: () => void): void {
    this.#parts.phase.onQuit(listener);
  }

  /** Takes the policy file anew, once started. @param by what asks for it, for the log */
  reload(by: string): void {
    const { reloads, logger } = this.#parts;
    if (reloads === undefined) logger.warn({ by, detail: 'there is no file' }, 'reload refused');
    else void reloads.reload(by);
  }
}

export function listenAddress(address: Address): ListenAddress {
  if (address.kind === 'unix') return { path: address.path };
  return address.host === undefined ? { port: address.port } : { host: address.host, port: address.port };
}

function asUrl(bound: string): string {
  return bound.startsWith('unix:') ? bound : `http://${bound}`;
}
