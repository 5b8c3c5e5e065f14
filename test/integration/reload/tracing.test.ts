import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { startUpstream, valuesOf } from '../../support/http-upstream.js';
import { startCollector } from '../../support/otlp-collector.js';
import { endOf, oneRoute, startProxy } from '../../support/proxy-process.js';
import { until } from '../../support/running-app.js';

test('a reload turns tracing on, to another collector, and off; spans that wait are sent, and counts go on', async (t) => {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const [one, two] = [await startCollector(t), await startCollector(t)];
  const { url, admin, file, child, ...proxy } = await startProxy(t, oneRoute(upstream.origin));
  const text = readFileSync(file, 'utf8');
  const reload = async (tracing: string) => {
    writeFileSync(file, text + tracing);
    assert.equal((await fetch(`${admin}/-/reload`, { method: 'POST' })).status, 200);
  };
  const call = async (path: string) => assert.equal((await fetch(url + path)).status, 200);
  const pathsOf = ({ spans }: typeof one) =>
    spans.flatMap(({ kind, attributes }) => (kind === 'server' ? [attributes['url.path']] : []));

  await call('/untraced');
  await reload(`tracing: { otlp: "${one.url}", sample: 100% }\n`);
  await call('/one');
  await reload(`tracing: { otlp: "${two.url}", sample: 100% }\n`);
  await until(() => one.spans.length === 2, 'the spans that waited are sent');
  await until(async () => (await one.connections()) === 0, 'the connection is closed, long before its collector would');
  await call('/two');
  await until(async () => (await proxy.metric('trace_spans_total{result="exported"}')) === 2, 'the counts go on');
  await reload('');
  await until(() => two.spans.length === 2, 'the spans that waited are sent');
  await call('/untraced');
  child.kill('SIGTERM');
  assert.equal((await endOf(child)).code, 0);
  assert.deepEqual([pathsOf(one), pathsOf(two)], [['/one'], ['/two']]);
  assert.deepEqual(
    upstream.seen.map((request) => valuesOf(request, 'traceparent').length),
    [0, 1, 1, 0],
  );
});
