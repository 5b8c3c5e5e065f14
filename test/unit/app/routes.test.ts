import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RetrySwitches } from '../../../src/app/retry-switches.js';
import { createRoutes } from '../../../src/app/routes.js';
import { Upstreams } from '../../../src/app/upstreams.js';
import type { Dispatch } from '../../../src/policies/policy.js';
import { StaleStores } from '../../../src/policies/stale-store.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';
import { load } from '../../support/policy-file.js';

const clock = new VirtualClock();
const deps = { clock, random: () => 0, emit: () => undefined };
const NO_POOL = {
  dispatch: () => true,
  close: () => Promise.resolve(),
  destroy: () => Promise.resolve(),
};

/** The pipelines of two routes. Each is what the file says of it besides its name and match. */
function pipelines(one: string, other: string): Dispatch[] {
  const config = load(`upstreams:
  a: { url: http://a.internal }
  b: { url: http://b.internal }
routes:
  - { name: one, match: { path: /one }, ${one} }
  - { name: other, match: { path: /other, methods: [GET] }, ${other} }
`);
  const upstreams = new Upstreams(config, deps, undefined, () => NO_POOL);
  const staleStores = new StaleStores({ maxBytes: 1_000 });
  const scope = { upstreams, staleStores, switches: new RetrySwitches(clock, () => undefined) };
  return createRoutes(config, scope, deps).map(({ dispatch }) => dispatch);
}

function share(one: string, other: string): boolean {
  const [first, second] = pipelines(one, other);
  return first === second;
}

describe('routes go down one pipeline', () => {
  const fallback = 'fallback: { steps: [{ response: { status: 200 } }] }';

  test('that ask the same upstream in the same way, whatever they match and edit', () => {
    assert.equal(share(`upstream: a, ${fallback}`, `upstream: a, ${fallback}, requestHeaders: { remove: [x] }`), true);
  });

  const differences: Readonly<Record<string, string>> = {
    upstream: 'upstream: b',
    timeout: 'upstream: a, timeout: 20s',
    'attempt timeout': 'upstream: a, attemptTimeout: 1s',
    retries: 'upstream: a, retry: { maxAttempts: 2 }',
    fallback: `upstream: a, ${fallback}`,
    faults: 'upstream: a, faults: [{ percent: 1%, status: 503 }]',
  };
  for (const [name, other] of Object.entries(differences)) {
    test(`not with another ${name}`, () => assert.equal(share('upstream: a', other), false));
  }

  const kept: Readonly<Record<string, string>> = {
    'a bucket': 'rateLimit: { requests: 1 }',
    'times for hedges': 'hedge: { delay: p95 }',
    'times for its attempt timeout': 'attemptTimeout: { max: 5s }',
    answers: 'fallback: { steps: [{ stale: { maxAge: 1m } }] }',
  };
  for (const [name, policy] of Object.entries(kept)) {
    test(`not where each keeps ${name}`, () => {
      assert.equal(share(`upstream: a, ${policy}`, `upstream: a, ${policy}`), false);
    });
  }
});

test('calls to different upstreams wait behind the same timers, one for each time', () => {
  const before = clock.pending;
  for (const dispatch of pipelines('upstream: a', 'upstream: b')) dispatch({ path: '/', method: 'GET' }, {});
  assert.equal(clock.pending - before, 2);
});
