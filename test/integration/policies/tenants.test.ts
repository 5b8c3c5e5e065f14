import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { test, type TestContext } from 'node:test';
import { startUpstream, valuesOf } from '../../support/http-upstream.js';
import { startApp, type RunningApp } from '../../support/running-app.js';

/** A GET of a tenant; the status. */
function call(url: string, tenant: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { 'x-tenant': tenant }, agent }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    }).once('error', reject);
  });
}

async function behind(t: TestContext, fails: (tenant: string) => boolean, upstream: string): Promise<RunningApp> {
  const server = await startUpstream((response, request) => {
    response.writeHead(fails(valuesOf(request, 'x-tenant')[0] ?? '') ? 500 : 200).end();
  });
  t.after(() => server.close());
  return startApp(
    t,
    `upstreams:\n  up:\n    url: '${server.origin}'\n    ${upstream}\n` +
      'routes:\n  - { name: all, match: { path: /* }, upstream: up, retry: false }\n',
  );
}

function agentOf(t: TestContext): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  t.after(() => agent.destroy());
  return agent;
}

test('of two tenants by header, one of which fails, the other is never refused', async (t) => {
  const app = await behind(
    t,
    (tenant) => tenant === 'bad',
    "circuitBreaker: { key: '{upstream}:{header:x-tenant}', minimumCalls: 5, probeShare: 0, openFor: 1h, maxOpenFor: 1h }",
  );
  const agent = agentOf(t);
  const answers = { bad: [] as number[], good: [] as number[] };
  for (let i = 0; i < 50; i++) {
    answers.bad.push(await call(app.url, 'bad', agent));
    answers.good.push(await call(app.url, 'good', agent));
  }
  assert.deepEqual(
    answers.good,
    answers.good.map(() => 200),
  );
  assert.deepEqual(answers.bad.slice(0, 5), [500, 500, 500, 500, 500]);
  assert.deepEqual(new Set(answers.bad.slice(5)), new Set([503]));
  assert.equal(await app.metric('circuit_state{upstream="up",key="up:bad",state="open"}'), 1);
  assert.equal(await app.metric('circuit_state{upstream="up",key="up:good",state="closed"}'), 1);
});
