import type { Config } from '../config/config.js';
import type { Logger } from '../observability/logging.js';
import type { Redaction } from '../observability/redaction.js';
import { Generation, type GenerationScope } from './generation.js';
import type { Generations } from './generations.js';
import type { LiveTracing } from './live-tracing.js';
import type { LogLevelSetting } from './log-level.js';
import type { Observers } from './observers.js';
import type { RetrySwitches } from './retry-switches.js';
import { tellWarnings } from './tell-warnings.js';

/** All that goes by the policy file. */
export interface ConfigFollowers {
  readonly generations: Generations;
  /** What the next generation shares with those before it. */
  readonly scope: GenerationScope;
  readonly tracing: LiveTracing;
  readonly observers: Observers;
  readonly switches: RetrySwitches;
  readonly logLevel: LogLevelSetting;
  readonly logger: Logger;
  /** Undefined: what the log hides stays as it is. */
  readonly redaction: Redaction | undefined;
}

/** The configuration in force, and the one place where another follows it. */
export class ConfigInForce {
  readonly #followers: ConfigFollowers;

  constructor(followers: ConfigFollowers) {
    this.#followers = followers;
  }

  get config(): Config {
    return this.#followers.generations.current.config;
  }

  /** Puts the first one in force. */
  async start(): Promise<void> {
    const { tracing, generations } = this.#followers;
    const options = this.config.tracing;
    const traces = await tracing.prepare(options);
    tracing.use(options, traces);
    await generations.start(traces?.begin);
  }

  /** Puts another configuration in force, at one moment; until then nothing has changed, and if it fails nothing will have. */
  async take(next: Config): Promise<void> {
    const { generations, scope, tracing, observers, switches, logLevel, logger, redaction } = this.#followers;
    const before = this.config;
    const traces = await tracing.prepare(next.tracing);
    const generation = new Generation(next, scope, generations.current);
    try {
      await generation.open(traces?.begin);
    } catch (error) {
      await generation.close();
      throw error;
    }
    generations.replace(generation);
    tracing.use(next.tracing, traces);
    observers.follow(next);
    logLevel.configure(next.log.level);
    redaction?.use(next.log.redact);
    switches.retain(new Set(next.routes.map(({ name }) => name)));
    tellWarnings(next, logger, before);
  }
}
