import { ConfigError, type ConfigIssue } from '../../src/config/issues.js';
import { readSuite, type TestSuite } from '../../src/policy-tests/read-suite.js';
import { runLocated, type TestResult } from '../../src/policy-tests/run-suite.js';

/** Two upstreams; `charge` takes POST and has another upstream and a fixed answer to fall back on, `plain` is all default. */
const POLICY = `
upstreams:
  payments: { endpoints: [https://a.internal, https://b.internal] }
  spare: { url: https://spare.internal }
routes:
  - name: charge
    match: { path: /pay/*, methods: [POST] }
    upstream: payments
    attemptTimeout: 1s
    fallback: { steps: [{ upstream: spare }, { response: { status: 200, body: sorry } }] }
  - { name: plain, match: {}, upstream: payments, attemptTimeout: 1s }
`;

/** A suite of the texts of its two files. */
export function suiteOf(tests: string, policy = POLICY, env: Readonly<Record<string, string>> = {}): TestSuite {
  const files: Readonly<Record<string, string>> = { 'policy.yaml': policy, 'policy.test.yaml': tests };
  const readFile = (path: string) => {
    const text = files[path.slice(path.lastIndexOf('/') + 1)];
    if (text === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'open' });
    return Buffer.from(text);
  };
  return readSuite('policy.test.yaml', { env, readFile });
}

/** The results of tests, each written as the YAML of a list's item in one line. */
export function results(tests: readonly string[], { policy = POLICY, seed = 1 } = {}): TestResult[] {
  const list = tests.map((test, index) => `  - { name: t${index}, ${test} }\n`).join('');
  const suite = suiteOf(`config: policy.yaml\nseed: ${seed}\ntests:\n${list}`, policy);
  return suite.tests.map((test) => runLocated(test, suite));
}

/** What one test found, as `key: expected E, got A`; nothing if it holds. */
export function findings(test: string, options?: Parameters<typeof results>[1]): string[] {
  return results([test], options).flatMap((result) =>
    result.findings.map(({ key, expected, actual }) => `${key}: expected ${expected}, got ${actual}`),
  );
}

/** What is wrong with a file of tests. */
export function errorsOfSuite(...files: Parameters<typeof suiteOf>): { issues: readonly ConfigIssue[]; text: string } {
  try {
    suiteOf(...files);
    return { issues: [], text: '' };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { issues: error.errors, text: error.format() };
  }
}
