import { type ConfigIssue, ConfigError, formatIssue } from '../config/issues.js';
import { loadConfig } from '../config/load.js';
import { warnings } from '../config/warnings.js';
import { readArguments, type Command, type Flags } from './command.js';
import type { Io } from './io.js';
import { policyFile } from './settings.js';

const flags: Flags = {
  strict: { help: 'exit code 1 if there are warnings' },
  json: { help: 'print the result as JSON' },
};

/** Checks a policy file: all errors, and what a reviewer would ask about. */
export const validateCommand: Command = {
  usage: '[FILE] [--strict] [--json]',
  about:
    'Checks a policy file and prints all errors, or all warnings. Without FILE: OUTRIGGER_CONFIG or the default.\n' +
    'Exit code 0: fine; 1: warnings, with --strict; 2: errors.',
  flags,
  run(args, io) {
    const { switches, positionals } = readArguments(args, flags, ['[FILE]']);
    const file = positionals[0] ?? policyFile({}, io.env);
    const report = switches.has('json') ? reportJson : reportText;
    return report(check(file, io.env), switches.has('strict'), io);
  },
};

interface Result {
  readonly file: string;
  readonly errors: readonly ConfigIssue[];
  readonly warnings: readonly ConfigIssue[];
  /** The same for a terminal. */
  readonly text: string;
}

function check(file: string, env: Io['env']): Result {
  try {
    const config = loadConfig(file, { env });
    const found = warnings(config);
    const counted = [count(config.upstreams.size, 'upstream'), count(config.routes.length, 'route')].join(', ');
    const text = found.map((warning) => `warning: ${formatIssue(warning, config.source)}\n\n`).join('');
    return { file, errors: [], warnings: found, text: `${text}${file}: fine (${counted})` };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const text = `${error.format()}\n\n${file}: ${count(error.errors.length, 'error')}`;
    return { file, errors: error.errors, warnings: [], text };
  }
}

function reportText({ errors, warnings: found, text }: Result, strict: boolean, io: Io): number {
  const code = exitCode(errors, found, strict);
  (code === 2 ? io.stderr : io.stdout).write(`${text}\n`);
  return code;
}

function reportJson({ file, errors, warnings: found }: Result, strict: boolean, io: Io): number {
  io.stdout.write(`${JSON.stringify({ file, valid: errors.length === 0, errors, warnings: found }, null, 2)}\n`);
  return exitCode(errors, found, strict);
}

function exitCode(errors: readonly ConfigIssue[], found: readonly ConfigIssue[], strict: boolean): number {
  if (errors.length > 0) return 2;
  return strict && found.length > 0 ? 1 : 0;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
