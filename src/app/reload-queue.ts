import type { Config } from '../config/config.js';
import { ConfigError } from '../config/issues.js';
import type { ReloadReport } from '../observability/reload-report.js';
import { changesBetween, isNothing, withoutRestart } from './config-changes.js';
import type { PolicySource } from './policy-file.js';

export interface ReloadQueueOptions {
  readonly source: PolicySource;
  readonly inForce: () => Config;
  /** Puts another configuration in force; until it does, nothing has changed. */
  readonly take: (config: Config) => Promise<void>;
  readonly isDraining: () => boolean;
  /** Is told how each reload went. */
  readonly tell: (report: ReloadReport) => void;
}

/** Takes the policy file anew, whoever asks for it, one at a time. */
export class ReloadQueue {
  readonly #options: ReloadQueueOptions;
  /** Those asked for so far: over when the last one is. Never fails, else none could follow. */
  #last: Promise<unknown>;
  /** The last one that was told could not be taken. */
  #failed = false;

  /** @param started nothing is reloaded before */
  constructor(options: ReloadQueueOptions, started: Promise<void>) {
    this.#options = options;
    this.#last = started;
  }

  /**
   * @param by what asks for it: `file`, `SIGHUP`, or an address
   * @param patient what can't be taken may be unfinished: nobody is told, and nothing counted
   */
  reload(by: string, patient = false): Promise<ReloadReport> {
    const report = this.#last.then(async () => {
      const made = await this.#reload(by);
      if (patient && made.result === 'invalid') return made;
      if (made.result !== 'draining') this.#failed = made.result === 'invalid' || made.result === 'failed';
      this.#options.tell(made);
      return made;
    });
    this.#last = report.catch(() => undefined);
    return report;
  }

  async #reload(by: string): Promise<ReloadReport> {
    const { source, inForce, take, isDraining } = this.#options;
    try {
      if (isDraining()) return { by, result: 'draining' };
      const { config, restart } = withoutRestart(inForce(), source.load());
      const changes = changesBetween(inForce(), config);
      const taken = { by, changes, restart, validAgain: this.#failed };
      if (isNothing(changes)) return { ...taken, result: 'unchanged' };
      await take(config);
      return { ...taken, result: 'changed' };
    } catch (error) {
      if (error instanceof ConfigError) return { by, result: 'invalid', errors: error.errors };
      return { by, result: 'failed', error };
    }
  }
}
