import { dirname, resolve } from 'node:path';
import type { Config } from '../config/config.js';
import { namedText } from '../config/describe.js';
import { fill } from '../config/fill.js';
import { ConfigError, type Issues } from '../config/issues.js';
import { loadConfig } from '../config/load.js';
import { nearest } from '../config/nearest.js';
import { type ConfigNode, entriesAt, itemsAt, nodeAt, type PathStep, stringAt, toValue } from '../config/nodes.js';
import { readText, readTree, type LoadOptions } from '../config/read-tree.js';
import { reasonOf } from '../config/substitute.js';
import { parseDuration } from '../policies/rules/units.js';
import { parseRate } from './arrivals.js';
import { type PolicyTest, type TestFile, TestFileSchema } from './schema.js';

/** A test and where its name stands. */
export interface LocatedTest {
  readonly test: PolicyTest;
  /** From 1. */
  readonly line: number;
}

/** A file of policy tests and the policy file that it is about. */
export interface TestSuite {
  /** As it was given. */
  readonly file: string;
  readonly config: Config;
  readonly seed: number;
  readonly tests: readonly LocatedTest[];
}

/** More calls in one load are a slip of the keyboard. */
const MOST_CALLS = 10_000_000;

/** Reads a file of policy tests. Throws a ConfigError that holds everything that is wrong with it, or with the policy file. */
export function readSuite(file: string, options: LoadOptions): TestSuite {
  const { written, issues, source } = readTree(
    readText(file, options),
    file,
    TestFileSchema,
    'config and tests',
    options,
  );
  const filled = fill(TestFileSchema, written, [], issues);
  const config = readPolicy(filled, file, issues, options);
  checkNames(filled, issues);
  checkLoads(filled, issues);
  if (config !== undefined) checkUpstreams(filled, config, issues);
  if (issues.size > 0 || config === undefined) throw new ConfigError(issues.sorted(), source);
  // Valid by the schema that the type is made of, and filled in by it.
  const { seed, tests } = toValue(filled) as TestFile;
  const located = tests.map((test, index) => ({
    test,
    line: source.position(nodeAt(filled, 'tests', index, 'name')?.offset ?? 0).line,
  }));
  return { file, config, seed, tests: located };
}

/** The policy file. What is wrong in it is told with its own places, unless something is wrong here already. */
function readPolicy(root: ConfigNode, file: string, issues: Issues, options: LoadOptions): Config | undefined {
  const name = stringAt(root, 'config');
  if (name === undefined || name === '') return undefined;
  const path = resolve(dirname(file), name);
  try {
    return loadConfig(besideTests(file, name), options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { cause } = error;
    if (cause !== undefined && error.errors[0]?.path === '') {
      const node = nodeAt(root, 'config');
      issues.add(
        node?.offset,
        ['config'],
        `${namedText(node)} can not be read: ${reasonOf(cause)}`,
        `it was looked for at ${path}`,
      );
      return undefined;
    }
    if (issues.size === 0) throw error;
    return undefined;
  }
}

/** A policy file's path, as short as the test file's was. */
function besideTests(file: string, name: string): string {
  const folder = dirname(file);
  return folder === '.' || name.startsWith('/') ? name : `${folder}/${name}`;
}

/** Two tests of one name can't be told apart in a report. */
function checkNames(root: ConfigNode, issues: Issues): void {
  const names = new Set<string>();
  for (const [index, test] of itemsAt(root, 'tests').entries()) {
    const name = stringAt(test, 'name');
    if (name === undefined) continue;
    const node = nodeAt(test, 'name');
    if (names.has(name)) issues.add(node?.offset, ['tests', index, 'name'], `another test is named ${namedText(node)}`);
    names.add(name);
  }
}

function checkLoads(root: ConfigNode, issues: Issues): void {
  for (const [index, test] of itemsAt(root, 'tests').entries()) {
    const path = ['tests', index, 'load'];
    const [rate, during] = [stringAt(test, 'load', 'rate'), stringAt(test, 'load', 'for')];
    if (rate === undefined || during === undefined) continue;
    if (issues.has([...path, 'rate']) || issues.has([...path, 'for'])) continue;
    const calls = (parseRate(rate) * parseDuration(during)) / 1_000;
    const at = nodeAt(test, 'load', 'rate')?.offset;
    if (calls < 1)
      issues.add(at, [...path, 'rate'], `no call comes within ${during}`, 'raise the rate, or go on longer');
    if (calls > MOST_CALLS) issues.add(at, [...path, 'rate'], `more than ${MOST_CALLS} calls come within ${during}`);
  }
}

/** Upstreams, endpoints and circuits that are named must be there. */
function checkUpstreams(root: ConfigNode, config: Config, issues: Issues): void {
  const upstreams = [...config.upstreams.keys()];
  const endpoints = new Set([...config.upstreams.values()].flatMap((upstream) => upstream.endpoints));
  const places = [...upstreams, ...endpoints];
  for (const [index, test] of itemsAt(root, 'tests').entries()) {
    checkKeys(test, ['upstreams'], ['tests', index], places, issues);
    checkKeys(test, ['expect', 'upstreamCalls'], ['tests', index], upstreams, issues);
  }
}

function checkKeys(
  test: ConfigNode,
  under: readonly string[],
  path: readonly PathStep[],
  known: readonly string[],
  issues: Issues,
): void {
  for (const { key, keyOffset } of entriesAt(test, ...under)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const message = `'${key}' is no upstream of the policy file, nor one's endpoint; there are: ${known.join(', ')}`;
    issues.add(
      keyOffset,
      [...path, ...under, key],
      message,
      near === undefined ? undefined : `did you mean '${near}'?`,
    );
  }
}
