import { cpus } from 'node:os';
import { endAll } from './children.js';

/**
 * Runs a benchmark as a command: it says what it can't run on, ends all that it started when it is interrupted, and tells a
 * mistake of its user with how it is used.
 *
 * @param name stands before the message of an error
 */
export async function asCommand(name: string, usage: string, run: () => Promise<void>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void endAll().finally(() => process.exit(1)));
  }
  try {
    if (process.platform !== 'linux' || cpus().length < 2) throw new Error('it needs Linux and two cores');
    await run();
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    process.exitCode = 1;
  }
}
