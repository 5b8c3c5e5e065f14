import { constants } from 'node:os';
import type { App } from '../app.js';
import type { Logger } from '../observability/logging.js';

/** The exit code of a process that ended at once because of a signal, as shells have it. */
function killed(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/**
 * Starts the app and waits until the process is to end; returns its exit code. The first SIGTERM or SIGINT drains, and
 * the code is 0 however much was still in flight at the drain's timeout. A second one cuts everything at once, as does
 * the first while the app still starts, for nothing is in flight then. SIGHUP has the policy file read again.
 */
export function untilSignalled(
  app: Pick<App, 'drain' | 'closeNow' | 'onQuit' | 'reload'>,
  logger: Logger,
  start: () => Promise<number | undefined>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let state: 'starting' | 'running' | 'draining' = 'starting';
    const end = (why: object) => {
      if (state === 'starting') {
        app.closeNow();
        resolve(0);
        return;
      }
      state = 'draining';
      logger.info(why, 'draining');
      app.drain().then(() => {
        logger.info('drained');
        resolve(0);
      }, reject);
    };
    process.on('SIGHUP', (signal) => app.reload(signal));
    const onSignal = (signal: NodeJS.Signals) => {
      if (state !== 'draining') {
        end({ signal });
        return;
      }
      logger.warn({ signal }, 'ending at once');
      app.closeNow();
      resolve(killed(signal));
    };
    // Asked again it changes nothing: whoever wants more than a drain has signals.
    app.onQuit(() => {
      if (state !== 'draining') end({ asked: 'POST /-/quit' });
    });
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    start().then((code) => {
      if (code === undefined) state = 'running';
      else resolve(code);
    }, reject);
  });
}
