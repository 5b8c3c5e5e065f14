import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { readRequestHead } from '../../../src/edge/headers.js';
import { Intake } from '../../../src/edge/intake.js';
import type { EdgeRoute } from '../../../src/edge/route.js';
import { parseTarget } from '../../../src/edge/target.js';

function route(name: string): EdgeRoute {
  return {
    name,
    match: { path: `/${name}/*` },
    upstream: 'a',
    rewrite: {},
    requestHeaders: { set: {}, remove: [] },
    responseHeaders: { set: {}, remove: [] },
    preserveHost: false,
    idleTimeoutMs: 60_000,
    maxBodySize: 65_536,
    dispatch: () => true,
  };
}

test('a hundred routes have one hidden class, so that the code that reads them stays fast', () => {
  setFlagsFromString('--allow-natives-syntax');
  const haveSameMap = runInThisContext('(a, b) => %HaveSameMap(a, b)') as (a: object, b: object) => boolean;
  const names = Array.from({ length: 100 }, (_, i) => `r${i}`);
  const intake = new Intake(names.map(route));
  const head = readRequestHead(['Host', 'a']);
  const request = { method: 'GET', httpVersion: '1.1', socket: {} };
  const routes = names.map((name) => intake.accept(request, head, parseTarget(`/${name}/x`), () => undefined).route);
  assert.deepEqual(
    routes.filter((one) => !haveSameMap(one, routes[0]!)).map(({ name }) => name),
    [],
  );
});
