/**
 * `outrigger run` with a proxy that does what STUB says in place of the real one, for tests of the process around it:
 * its signals, exit codes and last words.
 */
import { createServer } from 'node:net';
import type { App, AppOptions } from '../../src/app.js';
import { runCommand } from '../../src/cli/run.js';

const behaviours: Readonly<Record<string, Partial<App>>> = {
  'drains at once': {},
  'never drains': { drain: () => new Promise(() => undefined) },
  'fails to drain': { drain: () => Promise.reject(new Error('the drain broke')) },
  'never starts': { start: () => new Promise(() => undefined) },
  'fails to start': { start: () => Promise.reject(new Error('listen 127.0.0.1:8080: the address is in use')) },
  throws: {
    drain() {
      setImmediate(() => {
        throw new TypeError('x is not a function');
      });
      return new Promise(() => undefined);
    },
  },
  'rejects unseen': {
    drain() {
      void Promise.reject(new TypeError('y is not a function'));
      return new Promise(() => undefined);
    },
  },
};

const app: Omit<App, 'reload'> = {
  start: () => {
    process.stderr.write('listening\n');
    return Promise.resolve({ listen: ['http://127.0.0.1:8080'], admin: 'http://127.0.0.1:9901' });
  },
  drain: () => Promise.resolve(),
  closeNow: () => process.stderr.write('closed now\n'),
  onQuit: () => undefined,
  ...behaviours[process.env.STUB ?? ''],
};

// Something that listens, as the real one does, keeps the process alive.
createServer().listen(0, '127.0.0.1');
process.stderr.write('up\n');
// As the real one does, it says in the log that it was asked to read its file again.
const createApp = ({ logger }: AppOptions): App => ({ ...app, reload: () => logger.info('nothing changed') });
process.exit(await runCommand(createApp).run(process.argv.slice(2), process));
