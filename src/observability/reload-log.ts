import type { Logger } from './logging.js';
import type { NameChanges, PolicyFileError, ReloadReport } from './reload-report.js';

/** Lines about one broken file at most. */
const MAX_ERRORS = 20;

/** Writes how a reload went. */
export function logReload(logger: Logger, report: ReloadReport): void {
  const { by } = report;
  switch (report.result) {
    case 'changed':
    case 'unchanged': {
      for (const key of report.restart) logger.warn({ by, key }, 'needs a restart');
      if (report.result === 'unchanged') {
        // Whoever was told of a mistake waits for this line.
        logger.info({ by }, report.validAgain ? 'configuration is valid again; nothing changed' : 'nothing changed');
        return;
      }
      const { routes, upstreams, settings } = report.changes;
      const changed = settings.length === 0 ? undefined : settings;
      logger.info({ by, routes: told(routes), upstreams: told(upstreams), settings: changed }, 'reloaded');
      return;
    }
    case 'invalid':
      logErrors(logger, by, report.errors);
      return;
    case 'failed':
      logger.error({ by, err: report.error }, 'reload failed');
      return;
    case 'draining':
      logger.warn({ by, detail: 'the process is about to end' }, 'reload refused');
  }
}

function logErrors(logger: Logger, by: string, errors: readonly PolicyFileError[]): void {
  for (const { file, line, column, path, message, suggestion } of errors.slice(0, MAX_ERRORS)) {
    logger.error({ by, file, line, column, path, detail: message, suggestion }, 'reload failed');
  }
  const more = errors.length - MAX_ERRORS;
  if (more > 0) logger.error({ by, more, detail: 'validate shows all errors' }, 'reload failed');
}

/** Without what there is nothing of. */
function told(changes: NameChanges): object | undefined {
  const some = Object.entries(changes).filter(([, names]: [string, readonly string[]]) => names.length > 0);
  return some.length === 0 ? undefined : Object.fromEntries(some);
}
