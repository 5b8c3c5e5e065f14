import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { publishedTestSchema } from '../../../src/policy-tests/schema.js';
import { projectRoot } from '../../support/project-root.js';
import { errorsOfSuite, suiteOf } from '../../support/policy-suite.js';

const head = 'config: policy.yaml\ntests:\n';

/** A file with one test, whose YAML is given as a flow map's inside. */
const one = (inside: string) => `${head}  - { name: t, ${inside} }\n`;

/** What is wrong with it, as line:column, path and message; the suggestion behind an arrow. */
function told(tests: string, policy?: string): string[] {
  return errorsOfSuite(tests, policy).issues.map(
    ({ file, line, column, path, message, suggestion }) =>
      `${file}:${line}:${column} ${path}: ${message}${suggestion === undefined ? '' : ` → ${suggestion}`}`,
  );
}

describe('a file of policy tests', () => {
  test('has defaults for what is left out', () => {
    const { seed, tests, config } = suiteOf(one('request: {}, expect: { status: 200 }'));
    assert.equal(seed, 1);
    assert.equal(config.file, 'policy.yaml');
    assert.deepEqual(tests, [
      {
        line: 3,
        test: {
          name: 't',
          request: { method: 'GET', path: '/', headers: {}, body: '' },
          expect: { status: 200 },
          upstreams: {},
        },
      },
    ]);
  });

  test('takes variables, and numbers where text is meant', () => {
    const { tests } = suiteOf(
      one('request: { path: "${P}", headers: { X-N: 1 }, body: 2 }, expect: { body: 3, headers: { x-n: 4 } }'),
      undefined,
      { P: '/p' },
    );
    const { test: read } = tests[0]!;
    assert.ok('request' in read);
    assert.deepEqual(read.request, { method: 'GET', path: '/p', headers: { 'x-n': '1' }, body: '2' });
    assert.deepEqual(read.expect, { body: '3', headers: { 'x-n': '4' } });
  });

  test('an endpoint of two upstreams is named once among those that there are', () => {
    const policy = `upstreams: { a: { url: 'http://x:1' }, b: { url: 'http://x:1' } }
routes: [{ name: r, match: {}, upstream: a }]
`;
    const [first] = told(one('request: {}, upstreams: { zzzzzz: [503] }, expect: { status: 200 }'), policy);
    assert.match(first ?? '', /there are: a, b, http:\/\/x:1$/);
  });

  test('is told of each mistake with its place and a remedy, all at once', () => {
    const tests = `config: policy.yaml
sed: 1
tests:
  - name: a
    request: { metod: POST, path: payments }
    upstreams: { payment: [503] }
    expect: { elapsed: 1, statuz: 200 }
  - name: b
    load: { rate: 200, for: 30, request: {} }
    upstreams: { payments: 503, spare: [rest], "https://a.internal": { 10: [200] } }
    expect: { success: 99, recovery: '< 6' }
`;
    assert.deepEqual(told(tests), [
      "policy.test.yaml:2:1 sed: did you mean 'seed'? Unknown key; allowed here: config, seed, tests → did you mean 'seed'?",
      "policy.test.yaml:5:16 tests[0].request.metod: did you mean 'method'? Unknown key; allowed here: method, path, headers, body → did you mean 'method'?",
      "policy.test.yaml:5:35 tests[0].request.path: found 'payments'; allowed: a path that starts with / or a whole http URL",
      "policy.test.yaml:6:18 tests[0].upstreams.payment: 'payment' is no upstream of the policy file, nor one's endpoint; there are: payments, spare, https://a.internal, https://b.internal, https://spare.internal → did you mean 'payments'?",
      'policy.test.yaml:7:24 tests[0].expect.elapsed: found 1; allowed: a duration such as 250ms, or a comparison such as "< 1s" → write 1ms or 1s',
      "policy.test.yaml:7:27 tests[0].expect.statuz: did you mean 'status'? Unknown key; allowed here: status, attempts, elapsed, body, headers, fallback, circuit, suppressed, upstreamCalls → did you mean 'status'?",
      'policy.test.yaml:9:19 tests[1].load.rate: found 200; allowed: calls in a time, such as 200/s, 30/m or 1/h → write 200/s',
      'policy.test.yaml:9:29 tests[1].load.for: found 30; allowed: a duration above zero, such as 250ms, 3s, 1m30s or 1h → write 30ms or 30s',
      'policy.test.yaml:10:28 tests[1].upstreams.payments: found 503; allowed: a list, or a map → write [503]',
      "policy.test.yaml:10:41 tests[1].upstreams.spare[0]: found 'rest'; allowed: reset, refuse or hang → write reset",
      'policy.test.yaml:10:72 tests[1].upstreams["https://a.internal"].10: \'10\' is no time; allowed: a duration such as 250ms, 3s, 1m30s or 1h',
      'policy.test.yaml:11:24 tests[1].expect.success: found 99; allowed: a share such as 99% or 0.99, or a comparison such as "> 99%" → write 99%',
      'policy.test.yaml:11:38 tests[1].expect.recovery: found \'< 6\'; allowed: a duration such as 250ms, or a comparison such as "< 1s" → write "< 6ms" or "< 6s"',
    ]);
    const { text } = errorsOfSuite(tests);
    assert.ok(
      text.includes('  9 |     load: { rate: 200, for: 30, request: {} }\n    |                   ^\n  write 200/s'),
      text,
    );
  });

  const mistakes: readonly (readonly [what: string, tests: string, told: RegExp])[] = [
    ['nothing in it', '', /:1:1 : the file is empty → it needs at least config and tests/],
    ['no tests', 'config: policy.yaml\n', /:1:1 tests: 'tests' is missing/],
    [
      'no policy file',
      'tests: [{ name: t, request: {}, expect: { status: 200 } }]\n',
      /:1:1 config: 'config' is missing/,
    ],
    [
      'neither a request nor a load',
      one('expect: { status: 200 }'),
      /:3:5 tests\[0\]: found a map with name, expect; allowed: a map with exactly one of request, load/,
    ],
    ['a request and a load', one('request: {}, load: {}, expect: { status: 200 }'), /exactly one of request, load/],
    ['no expectation', one('request: {}, expect: {}'), /tests\[0\]\.expect: found an empty map/],
    [
      'an expectation of loads on a call',
      one('request: {}, expect: { success: 1 }'),
      /expect\.success: unknown key 'success'; allowed here: status/,
    ],
    [
      'a name given twice',
      `${head}  - { name: t, request: {}, expect: { status: 200 } }\n  - { name: t, request: {}, expect: { status: 200 } }\n`,
      /:4:13 tests\[1\]\.name: another test is named 't'/,
    ],
    [
      'a load without a call',
      one('load: { rate: 1/h, for: 1m, request: {} }, expect: { success: 1 }'),
      /load\.rate: no call comes within 1m → raise the rate/,
    ],
    [
      'a load beyond bounds',
      one('load: { rate: 1000000/s, for: 1h, request: {} }, expect: { success: 1 }'),
      /more than 10000000 calls/,
    ],
    [
      'an unknown upstream in upstreamCalls',
      one('request: {}, expect: { upstreamCalls: { payment: 1 } }'),
      /upstreamCalls\.payment: .* → did you mean 'payments'\?/,
    ],
    [
      'a header that frames the message',
      one('request: { headers: { Transfer-Encoding: chunked } }, expect: { status: 200 }'),
      /belongs to the connection/,
    ],
    [
      'a status that no upstream answers',
      one('request: {}, upstreams: { payments: [99] }, expect: { status: 200 }'),
      /found 99; allowed: a whole number from 200 to 599/,
    ],
    [
      'a comparison without quotes',
      `${head}  - name: t\n    load: { rate: 1/s, for: 1m, request: {} }\n    expect:\n      success: > 99%\n`,
      /:6:\d+ : not valid YAML: .* → write it in quotes: "> 99%"/,
    ],
    [
      'a policy file that is not there',
      one('request: {}, expect: { status: 200 }').replace('policy.yaml', 'policies.yaml'),
      /:1:9 config: 'policies\.yaml' can not be read: there is no such file → it was looked for at \//,
    ],
  ];
  for (const [what, tests, expected] of mistakes) {
    test(`is refused with ${what}`, () => {
      const found = told(tests);
      assert.ok(
        found.some((line) => expected.test(line)),
        found.join('\n'),
      );
    });
  }

  test('is not run when its policy file is wrong, which is told with its own places', () => {
    const found = told(
      one('request: {}, expect: { status: 200 }'),
      'upstreams: { a: { url: http://a } }\nroutes: []\n',
    );
    assert.deepEqual(found, ['policy.yaml:2:9 routes: found an empty list; at least one entry is needed']);
  });
});

describe('the published schema of policy tests', () => {
  const text = (file: string) => readFileSync(`${projectRoot}${file}`, 'utf8');

  test('is the one that is committed; `outrigger schema --tests > config/outrigger.test.schema.json` makes it', () => {
    const committed: unknown = JSON.parse(text('config/outrigger.test.schema.json'));
    assert.deepEqual(committed, JSON.parse(JSON.stringify(publishedTestSchema())));
  });

  test('takes what the program takes, and refuses what it refuses', () => {
    const check = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(publishedTestSchema());
    const fine = (written: string) => check(parse(written));
    assert.ok(fine(text('config/outrigger.test.yaml')), JSON.stringify(check.errors));
    assert.ok(
      fine(one('request: { path: "${P}" }, upstreams: { payments: { 1s: ["${S}"] } }, expect: { status: "< 300" }')),
    );
    for (const inside of [
      'expect: { status: 200 }',
      'request: {}, expect: {}',
      'request: {}, expect: { elapsed: 5 }',
    ]) {
      assert.equal(fine(one(inside)), false, inside);
    }
  });
});
