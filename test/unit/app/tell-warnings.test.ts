import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tellWarnings } from '../../../src/app/tell-warnings.js';
import { createLogger } from '../../../src/observability/logging.js';
import { load } from '../../support/policy-file.js';

const file = (more: string, first = '') =>
  load(`upstreams: { a: { url: http://a.test } }
routes:
${first}  - { name: one, match: { path: /1 }, upstream: a${more} }
`);

/** What is logged of a file that comes after another. */
function told(...[config, before]: [ReturnType<typeof load>, ReturnType<typeof load>?]): Record<string, unknown>[] {
  const lines: string[] = [];
  const logger = createLogger({ level: 'info', redact: [] }, { write: (line) => void lines.push(line) });
  tellWarnings(config, logger, before);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const POSTS = ', retry: { methods: [GET, POST] }';
const FAULTS = ', faults: [{ percent: 5%, status: 503 }]';

describe('what a reviewer would ask about', () => {
  test('is said with its place', () => {
    const [line] = told(file(POSTS));
    const { level, msg, line: row, column, path } = line!;
    assert.deepEqual([level, msg, row, column, path], ['warn', 'policy file', 3, 76, 'routes[0].retry.methods[1]']);
  });

  test('is not said again by a reload, also where it stands elsewhere now', () => {
    assert.deepEqual(told(file(POSTS), file(POSTS)), []);
    const another = '  - { name: zero, match: { path: /0 }, upstream: a }\n';
    assert.deepEqual(told(file(POSTS, another), file(POSTS)), []);
  });

  test('is said of what is new', () => {
    assert.deepEqual(
      told(file(`${POSTS}, timeout: 1s`), file(POSTS)).map(({ path }) => path),
      ['routes[0].timeout'],
    );
    assert.equal(told(file(POSTS), file('')).length, 1);
  });

  test('faults are told when they begin and when they are other ones', () => {
    const injected = (...files: Parameters<typeof told>) => told(...files).map(({ faults }) => faults);
    assert.deepEqual(injected(file(FAULTS), file('')), ['5% status 503']);
    assert.deepEqual(injected(file(FAULTS), file(FAULTS)), []);
    assert.deepEqual(injected(file(FAULTS.replace('5%', '6%')), file(FAULTS)), ['6% status 503']);
  });
});
