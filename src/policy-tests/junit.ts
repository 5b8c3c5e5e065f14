import type { ConfigIssue } from '../config/issues.js';
import { explanation } from './report.js';
import type { TestResult } from './run-suite.js';

/** What became of a file of policy tests. */
export interface FileReport {
  readonly file: string;
  readonly results: readonly TimedResult[];
  /** What is wrong with the file, or with the policy file; then there are no results. */
  readonly errors: readonly ConfigIssue[];
}

export interface TimedResult {
  readonly result: TestResult;
  /** How long it took, in milliseconds of the machine's own time. */
  readonly tookMs: number;
}

/** A report as JUnit writes it, which every CI reads. */
export function junitReport(files: readonly FileReport[]): string {
  const suites = files.map(suite);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="outrigger test">\n${suites.join('')}</testsuites>\n`;
}

function suite({ file, results, errors }: FileReport): string {
  const failed = results.filter(({ result }) => !result.passed).length;
  const time = seconds(results.reduce((sum, { tookMs }) => sum + tookMs, 0));
  const counts = `tests="${results.length + (errors.length > 0 ? 1 : 0)}" failures="${failed}" errors="${errors.length > 0 ? 1 : 0}"`;
  const cases = results.map((one) => testCase(file, one)).join('') + errorCase(file, errors);
  return `  <testsuite name="${escaped(file)}" ${counts} time="${time}">\n${cases}  </testsuite>\n`;
}

function testCase(file: string, { result, tookMs }: TimedResult): string {
  const { name, line, findings } = result;
  const open = `    <testcase name="${escaped(name)}" classname="${escaped(file)}" file="${escaped(file)}" line="${line}" time="${seconds(tookMs)}"`;
  if (findings.length === 0) return `${open}/>\n`;
  const [first] = findings;
  const told = findings.map(({ key, expected, actual }) => `${key}: expected ${expected}, got ${actual}`);
  const text = [...told, ...explanation(result)].join('\n');
  const failure = `<failure type="${escaped(first?.key ?? '')}" message="${escaped(told[0] ?? '')}">${escaped(text)}</failure>`;
  return `${open}>\n      ${failure}\n    </testcase>\n`;
}

/** A file that can not be read is a test that could not run. */
function errorCase(file: string, errors: readonly ConfigIssue[]): string {
  const [first] = errors;
  if (first === undefined) return '';
  const told = errors.map((issue) => `${issue.file}:${issue.line}:${issue.column}: ${issue.path}: ${issue.message}`);
  const error = `<error type="${escaped(first.path)}" message="${escaped(told[0] ?? '')}">${escaped(told.join('\n'))}</error>`;
  return `    <testcase name="the file can be read" classname="${escaped(file)}" file="${escaped(first.file)}" line="${first.line}">\n      ${error}\n    </testcase>\n`;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
  '\r': '&#13;',
};

/** Text as XML has it. What no XML may hold, such as other control characters, is replaced (XML 1.0, 2.2). */
function escaped(text: string): string {
  return text
    .replace(/[&<>"\n\t\r]/g, (character) => ENTITIES[character] ?? character)
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
}
