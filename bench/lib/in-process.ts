import { createApp, type App } from '../../src/app.js';
import type { Config } from '../../src/config/config.js';
import { createLogger } from '../../src/observability/logging.js';
import { systemClock } from '../../src/runtime/clock.js';
import { systemRandom } from '../../src/runtime/random.js';
import { tuneCollector } from '../../src/runtime/v8-flags.js';

/** Starts the whole proxy in this process, for a parent that asks it about itself; it ends when the parent is gone. */
export function startInProcess(config: Config): ReturnType<App['start']> {
  tuneCollector();
  process.on('disconnect', () => process.exit(0));
  const logger = createLogger(config.log, process.stdout);
  return createApp({ config, logger, clock: systemClock, random: systemRandom, version: '0.0.0' }).start();
}
