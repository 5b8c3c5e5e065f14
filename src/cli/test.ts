import { writeFileSync } from 'node:fs';
import { ConfigError, type ConfigIssue } from '../config/issues.js';
import { junitReport, type FileReport, type TimedResult } from '../policy-tests/junit.js';
import { readSuite, type TestSuite } from '../policy-tests/read-suite.js';
import { resultText } from '../policy-tests/report.js';
import { runLocated } from '../policy-tests/run-suite.js';
import { systemClock } from '../runtime/clock.js';
import { readArguments, UsageError, type Command, type Flags } from './command.js';
import type { Io } from './io.js';

const flags: Flags = {
  json: { help: 'print the results as JSON' },
  junit: { value: 'FILE', help: 'write the results to FILE, in the form of JUnit that CI systems read' },
};

/** Runs policy tests in virtual time. */
export const testCommand: Command = {
  usage: 'FILE... [--json] [--junit FILE]',
  about:
    'Runs the policy tests of FILE: calls and loads through the real policies of a policy file, with scripted upstreams,\n' +
    'in virtual time; nothing is sent. Exit code 0: all hold; 1: some do not; 2: a file is wrong.',
  flags,
  run(args, io) {
    const { switches, values, positionals } = readArguments(args, flags, ['FILE...']);
    const json = switches.has('json');
    const files = positionals.map((file) => runFile(file, io, json));
    if (values.junit !== undefined) write(values.junit, junitReport(files));
    if (json) io.stdout.write(`${JSON.stringify(jsonReport(files), null, 2)}\n`);
    else io.stdout.write(`\n${closing(files)}\n`);
    if (files.some(({ errors }) => errors.length > 0)) return 2;
    return files.some(({ results }) => results.some(({ result }) => !result.passed)) ? 1 : 0;
  },
};

function runFile(file: string, io: Io, json: boolean): FileReport {
  let suite: TestSuite;
  try {
    suite = readSuite(file, { env: io.env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (!json) io.stderr.write(`${error.format()}\n\n`);
    return { file, results: [], errors: error.errors };
  }
  const results = suite.tests.map((test): TimedResult => {
    const startedAt = systemClock.now();
    const result = runLocated(test, suite);
    if (!json) io.stdout.write(`${resultText(result)}\n`);
    return { result, tookMs: systemClock.now() - startedAt };
  });
  return { file, results, errors: [] };
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UsageError(
      `--junit: ${file} can not be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function closing(files: readonly FileReport[]): string {
  const results = files.flatMap((file) => file.results);
  const failed = results.filter(({ result }) => !result.passed).length;
  const wrong = files.filter(({ errors }) => errors.length > 0).length;
  const parts = [`${results.length - failed} passed`, `${failed} failed`];
  if (wrong > 0) parts.push(`${wrong} ${wrong === 1 ? 'file' : 'files'} not run`);
  return parts.join(', ');
}

interface JsonReport {
  readonly passed: number;
  readonly failed: number;
  readonly files: readonly {
    readonly file: string;
    readonly errors: readonly ConfigIssue[];
    readonly tests: readonly object[];
  }[];
}

function jsonReport(files: readonly FileReport[]): JsonReport {
  const all = files.flatMap(({ results }) => results);
  return {
    passed: all.filter(({ result }) => result.passed).length,
    failed: all.filter(({ result }) => !result.passed).length,
    files: files.map(({ file, errors, results }) => ({
      file,
      errors,
      tests: results.map(({ result }) => {
        const { name, line, passed, findings, observed } = result;
        const { calls, successes, withoutFallback, upstreamCalls, suppressed, circuits, recoveryMs } = observed;
        return {
          name,
          line,
          passed,
          failures: findings,
          seen: {
            calls,
            successes,
            withoutFallback,
            upstreamCalls: Object.fromEntries(upstreamCalls),
            suppressed: Object.fromEntries(suppressed),
            circuits,
            recoveryMs: recoveryMs ?? null,
            endedAtMs: observed.endedAt,
          },
          timeline: passed ? [] : observed.timeline.map(({ at, text }) => ({ atMs: at, text })),
        };
      }),
    })),
  };
}
