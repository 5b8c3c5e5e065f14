import type { Config } from '../config/config.js';
import { ConfigError } from '../config/issues.js';
import { loadConfig } from '../config/load.js';
import type { Io } from './io.js';

/** The policy file; undefined if it can not be taken, and everything that is wrong with it has been said then. */
export function readPolicy(file: string, asJson: boolean, io: Io): Config | undefined {
  try {
    return loadConfig(file, { env: io.env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (asJson) io.stdout.write(`${JSON.stringify({ file, errors: error.errors }, null, 2)}\n`);
    else io.stderr.write(`${error.format()}\n`);
    return undefined;
  }
}
