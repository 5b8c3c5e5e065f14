import { checkCall, checkLoad, summary, type Finding } from './expectations.js';
import type { LocatedTest, TestSuite } from './read-suite.js';
import { runTest, type Observed } from './run-test.js';

/** How a test went. */
export interface TestResult {
  readonly name: string;
  /** Where it stands in its file, from 1. */
  readonly line: number;
  readonly passed: boolean;
  /** What did not hold. */
  readonly findings: readonly Finding[];
  /** In a line, what was seen. */
  readonly summary: string;
  readonly observed: Observed;
  /** Whether it is a load; of one that failed, `observed.timeline` is that of its first call that failed or fell back. */
  readonly isLoad: boolean;
}

/** Runs one test; the same suite gives the same result. */
export function runLocated({ test, line }: LocatedTest, { config, seed }: TestSuite): TestResult {
  const isLoad = 'load' in test;
  let observed = runTest(test, config, seed, isLoad ? -1 : 0);
  const findings = isLoad ? checkLoad(test.expect, observed) : checkCall(test.expect, observed);
  // Only now is it known which of many calls is of interest: the same run once more, with an eye on it.
  if (isLoad && findings.length > 0) observed = runTest(test, config, seed, observed.firstBad ?? 0);
  const passed = findings.length === 0;
  return { name: test.name, line, passed, findings, summary: summary(observed), observed, isLoad };
}
