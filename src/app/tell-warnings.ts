import type { Config } from '../config/config.js';
import { faultsInForce, warnings } from '../config/warnings.js';
import type { Logger } from '../observability/logging.js';

/** Logs what a reviewer of the policy file would ask about, and which faults it injects. */
export function tellWarnings(config: Config, logger: Logger): void {
  for (const { file, line, path, message, suggestion } of warnings(config)) {
    logger.warn({ file, line, path, detail: message, suggestion }, 'policy file');
  }
  for (const { route, faults } of faultsInForce(config)) {
    logger.warn({ route, faults }, 'faults are injected on purpose');
  }
}
