import type { Config } from '../config/config.js';
import type { ConfigIssue } from '../config/issues.js';
import { faultsInForce, warnings } from '../config/warnings.js';
import type { Logger } from '../observability/logging.js';

/**
 * Logs what a reviewer of the policy file would ask about, and which faults it injects.
 *
 * @param before what was in force until now: what was said of it is not said again, wherever in the file it stands now
 */
export function tellWarnings(config: Config, logger: Logger, before?: Config): void {
  const said = new Set(before && warnings(before).map(textOf));
  for (const warning of warnings(config)) {
    if (said.has(textOf(warning))) continue;
    const { file, line, column, path, message, suggestion } = warning;
    logger.warn({ file, line, column, path, detail: message, suggestion }, 'policy file');
  }
  const injected = new Map(before && faultsInForce(before).map(({ route, faults }) => [route, faults]));
  for (const { route, faults } of faultsInForce(config)) {
    if (injected.get(route) !== faults) logger.warn({ route, faults }, 'faults are injected on purpose');
  }
}

/** The same for a warning that only moved: routes are counted in its path, and named in its message. */
function textOf({ path, message }: ConfigIssue): string {
  return `${path.replace(/\[\d+\]/g, '[]')}: ${message}`;
}
