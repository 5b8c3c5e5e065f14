import type { Config } from '../config/config.js';
import { ConfigError } from '../config/issues.js';
import type { ReloadReport } from '../observability/reload-report.js';
import { changesBetween, isNothing, withoutRestart } from './config-changes.js';
import type { PolicySource } from './policy-file.js';

export interface ReloaderOptions {
  readonly source: PolicySource;
  readonly inForce: () => Config;
  /** Puts another configuration in force; until it does, nothing has changed. */
  readonly take: (config: Config) => Promise<void>;
  readonly isDraining: () => boolean;
  /** Is told how each reload went. */
  readonly tell: (report: ReloadReport) => void;
}

/** Takes the policy file anew, whoever asks for it, one at a time. */
export class Reloader {
  readonly #options: ReloaderOptions;
  /** Those asked for so far: over when the last one is. */
  #queue: Promise<unknown> = Promise.resolve();

  /** @param started nothing is reloaded before */
  constructor(options: ReloaderOptions, started: Promise<void>) {
    this.#options = options;
    this.#queue = started;
  }

  /**
   * @param by what asks for it: `file`, `SIGHUP`, or an address
   * @param patient what can't be taken may be unfinished: nobody is told, and nothing counted
   */
  reload(by: string, patient = false): Promise<ReloadReport> {
    const report = this.#queue.then(async () => {
      const made = await this.#reload(by);
      if (!patient || made.result !== 'invalid') this.#options.tell(made);
      return made;
    });
    this.#queue = report;
    return report;
  }

  async #reload(by: string): Promise<ReloadReport> {
    const { source, inForce, take, isDraining } = this.#options;
    try {
      if (isDraining()) return { by, result: 'draining' };
      const { config, restart } = withoutRestart(inForce(), source.load());
      const changes = changesBetween(inForce(), config);
      if (isNothing(changes)) return { by, result: 'unchanged', changes, restart };
      await take(config);
      return { by, result: 'changed', changes, restart };
    } catch (error) {
      if (error instanceof ConfigError) return { by, result: 'invalid', errors: error.errors };
      return { by, result: 'failed', error };
    }
  }
}
