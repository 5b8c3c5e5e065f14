import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeBody } from '../support/fake-body.js';
import { createLine, text, type LineOptions, type LineRequest } from '../support/line.js';

describe('conformance: fallback', () => {
  describe('51. unkeyed POST that timed out: no `upstream` fallback unless `when: always`; refused connection: falls back; keyed POST that timed out: does not', () => {
    const post = (over: Partial<LineRequest> = {}): LineRequest => ({
      method: 'POST',
      body: FakeBody.kept('{}'),
      ...over,
    });
    const options = (over: LineOptions, when?: 'unsent' | 'replayable' | 'always'): LineOptions => ({
      attemptTimeout: '100ms',
      retry: { backoff: { base: '10ms', jitter: 'none' } },
      fallback: { steps: [{ upstream: 'other', ...(when === undefined ? {} : { when }) }] },
      elsewhere: { other: [text(200, 'from the other')] },
      ...over,
    });

    for (const when of [undefined, 'unsent', 'replayable'] as const) {
      test(`unkeyed, timed out, when: ${when ?? 'left out'}`, () => {
        const line = createLine(options({ endpoints: { a: ['hang'] } }, when));
        const call = line.run(post());
        assert.equal(call.error?.code, 'timeout');
        assert.equal(call.attempts, 1);
        assert.equal(line.seenElsewhere('other').length, 0);
        assert.deepEqual(
          line.of('fallback').map(({ kind, cause, result }) => [kind, cause, result]),
          [['upstream', 'timeout', 'failure']],
        );
        line.finish();
      });
    }

    test('unkeyed, timed out, when: always', () => {
      const line = createLine(options({ endpoints: { a: ['hang'] } }, 'always'));
      const call = line.run(post());
      assert.deepEqual([call.status, call.body, call.attempts], [200, 'from the other', 2]);
      assert.equal(line.seenElsewhere('other')[0]?.opts.body, '{}');
      line.finish();
    });

    for (const when of ['unsent', 'replayable', 'always'] as const) {
      test(`unkeyed, refused, when: ${when}`, () => {
        const line = createLine(options({ endpoints: { a: ['refuse'] } }, when));
        const call = line.run(post());
        assert.deepEqual([call.status, call.body, call.attempts], [200, 'from the other', 4]);
        line.finish();
      });
    }

    test('unkeyed, timed out at first and refused then: it was sent', () => {
      const line = createLine(
        options({ endpoints: { a: ['hang', 'refuse'] }, retry: { methods: ['POST'] } }, 'unsent'),
      );
      const call = line.run(post());
      assert.equal(call.error?.code, 'connect-failure');
      assert.equal(line.seenElsewhere('other').length, 0);
      line.finish();
    });

    test('keyed, timed out: retried, but another upstream has other keys', () => {
      const line = createLine(options({ endpoints: { a: ['hang'] } }));
      const call = line.run(post({ headers: { 'idempotency-key': 'k1' } }));
      assert.deepEqual([call.error?.code, call.attempts], ['timeout', 3]);
      assert.equal(line.seenElsewhere('other').length, 0);
      line.finish();
    });

    test('PUT, timed out: it may be sent twice', () => {
      const line = createLine(options({ endpoints: { a: ['hang'] } }));
      const call = line.run(post({ method: 'PUT' }));
      assert.deepEqual([call.status, call.attempts], [200, 4]);
      line.finish();
    });
  });

  describe('52. stale: another Cookie, Authorization or key header never gets the answer; must-revalidate, private, Set-Cookie not stored', () => {
    const options = (answer: Readonly<Record<string, string>> = {}): LineOptions => ({
      retry: false,
      fallback: { steps: [{ stale: { key: ['authorization', 'cookie', 'x-tenant'] } }] },
      endpoints: { a: [text(200, 'hers', answer), 503] },
    });

    const hers = { authorization: 'Bearer hers', cookie: 'sid=1', 'x-tenant': 'acme' };

    test('the same headers get it', () => {
      const line = createLine(options());
      line.run({ headers: hers });
      const call = line.run({ headers: hers });
      assert.deepEqual([call.status, call.body, call.call.fallback], [200, 'hers', 'stale']);
      line.finish();
    });

    for (const name of ['authorization', 'cookie', 'x-tenant'] as const) {
      for (const other of ['another', undefined]) {
        test(`another request, ${name}: ${other ?? 'none'}`, () => {
          const line = createLine(options());
          line.run({ headers: hers });
          const { [name]: _taken, ...rest } = hers;
          const call = line.run({ headers: other === undefined ? rest : { ...rest, [name]: other } });
          assert.deepEqual([call.status, call.body], [503, '']);
          assert.equal(call.call.fallback, undefined);
          line.finish();
        });
      }
    }

    for (const [name, value] of [
      ['cache-control', 'must-revalidate'],
      ['cache-control', 'max-age=60, Private'],
      ['set-cookie', 'sid=2'],
    ] as const) {
      test(`not stored: ${name}: ${value}`, () => {
        const line = createLine(options({ [name]: value }));
        assert.equal(line.run({ headers: hers }).status, 200);
        assert.equal(line.run({ headers: hers }).status, 503);
        assert.equal(line.staleStores.used, 0);
        line.finish();
      });
    }
  });
});
