import type { ReloadReport } from '../observability/reload-report.js';
import type { Clock } from '../runtime/clock.js';
import { FileWatch } from './file-watch.js';
import { ReloadQueue, type ReloadQueueOptions } from './reload-queue.js';

/** Reloads when somebody asks, and, with `reload: auto`, when the file or one that it names changes. */
export class AutoReload {
  readonly #options: ReloadQueueOptions;
  readonly #queue: ReloadQueue;
  readonly #watch: FileWatch;
  #begin: () => void = () => {};
  #over = false;

  constructor(options: ReloadQueueOptions, clock: Clock) {
    this.#options = options;
    const started = new Promise<void>((resolve) => {
      this.#begin = resolve;
    });
    this.#queue = new ReloadQueue(options, started);
    this.#watch = new FileWatch({
      clock,
      files: () => options.source.files,
      onChange: async (patient) => {
        const { result } = await this.reload('file', patient);
        return patient && result === 'invalid' ? 'again' : 'over';
      },
    });
  }

  /** The process takes calls now: what was asked for before is done. */
  start(): void {
    this.#begin();
    this.#follow();
  }

  /** The process is about to end. */
  stop(): void {
    this.#over = true;
    this.#watch.stop();
  }

  async reload(by: string, patient = false): Promise<ReloadReport> {
    const report = await this.#queue.reload(by, patient);
    this.#follow();
    return report;
  }

  #follow(): void {
    if (!this.#over && this.#options.inForce().reload === 'auto') this.#watch.start();
    else this.#watch.stop();
  }
}
