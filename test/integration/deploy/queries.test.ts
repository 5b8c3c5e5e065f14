/** Rules, dashboard and runbooks ask for metrics, labels and values that a running proxy really has. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { DASHBOARD, queriesOf } from '../../support/dashboard.js';
import { startUpstream } from '../../support/http-upstream.js';
import { projectRoot } from '../../support/project-root.js';
import { addRecorded, knownIn, labelsOf, unknownIn, type Known } from '../../support/promql.js';
import { freePort } from '../../support/proxy-process.js';
import { exchange } from '../../support/raw-client.js';
import { startApp, until } from '../../support/running-app.js';

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly record?: string; readonly alert?: string; readonly expr: string }[];
  }[];
}

const folder = `${projectRoot}deploy/prometheus/rules/`;
const rules = readdirSync(folder).flatMap((file) => {
  const { groups } = parse(readFileSync(folder + file, 'utf8')) as Rules;
  return groups.flatMap((group) => group.rules);
});

/** Every policy, each of which has metrics of its own. */
const policy = (service: string, dead: string) => `
upstreams:
  service:
    url: "${service}"
    healthCheck: { path: /healthz, interval: 100ms }
    rateLimit: { requests: 1000 }
  dead: { url: "${dead}", circuitBreaker: { mode: shadow, minimumCalls: 1 } }
routes:
  - name: everything
    match: { path: /everything/* }
    upstream: service
    retry: { backoff: { base: 1ms } }
    hedge: { delay: 5s }
    rateLimit: { requests: 1000, mode: shadow }
    faults: [{ percent: 0%, status: 503 }]
    fallback: { steps: [{ stale: {} }, { upstream: dead }, { response: { status: 200, body: none } }] }
  - name: dead
    match: { path: /dead/* }
    upstream: dead
    retry: { backoff: { base: 1ms }, mode: shadow }
`;

/** What /metrics has once calls went well, failed, were retried, refused and answered by a fallback. */
async function known(t: TestContext): Promise<Known> {
  const service = await startUpstream((response, { url }) => {
    response.writeHead(url.endsWith('/503') ? 503 : 200).end();
  });
  t.after(() => service.close());
  const app = await startApp(t, policy(service.origin, `http://127.0.0.1:${await freePort()}`));
  for (const path of ['/everything/200', '/everything/503', '/dead/1', '/nowhere'])
    await (await fetch(app.url + path)).text();
  await exchange(app.port, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n');
  await until(async () => (await app.metric('bad_requests_total{reason="host"}')) === 1, 'the bad request is counted');
  const found = knownIn(await app.metrics());
  for (const { record, expr } of rules) if (record !== undefined) addRecorded(found, record, expr);
  return found;
}

test('what is asked of Prometheus', async (t) => {
  const metrics = await known(t);

  await t.test('is there, for each rule', () => {
    assert(rules.length > 0);
    for (const { record, alert, expr } of rules) assert.deepEqual(unknownIn(expr, metrics), [], alert ?? record);
  });

  await t.test('is there, for each panel, annotation and variable of the dashboard', () => {
    for (const { where, expr, legend } of queriesOf(DASHBOARD)) {
      assert.deepEqual(unknownIn(expr, metrics), [], where);
      const labels = labelsOf(expr, metrics);
      for (const label of legend) assert(labels.has(label), `${where}: the legend names ${label}`);
    }
  });

  await t.test('is there, for each query of a runbook', () => {
    const pages = `${projectRoot}docs/runbooks/`;
    for (const file of readdirSync(pages)) {
      for (const [, block] of readFileSync(pages + file, 'utf8').matchAll(/^```promql\n(.*?)^```$/gms)) {
        for (const query of block!.split('\n').filter((line) => line !== '')) {
          assert.deepEqual(unknownIn(query, metrics), [], `${file}: ${query}`);
        }
      }
    }
  });

  await t.test('is minded where it is wrong', () => {
    for (const [query, wrong] of [
      ['rate(outrigger_request_total[5m])', 'outrigger_request_total'],
      ['sum by (rute) (outrigger_requests_total)', 'by (rute)'],
      ['outrigger_requests_total{outcome=~"success|fallbak"}', 'outrigger_requests_total{outcome="fallbak"}'],
      ['outrigger_requests_total{outcom="success"}', 'outrigger_requests_total{outcom}'],
      ['sum by (key) (circuit:outrigger_circuits_open:cound)', 'circuit:outrigger_circuits_open:cound'],
      ['route:outrigger_requests:rate5m{key="x"}', 'route:outrigger_requests:rate5m{key}'],
    ] as const) {
      assert(unknownIn(query, metrics).includes(wrong), `${query}: ${unknownIn(query, metrics).join()}`);
    }
  });
});
