import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { Metrics, type MetricSources, type Topology } from '../../../src/observability/metrics.js';
import { attemptEvent, callEvent, fakeAttempt, fakeCall, retryEvent } from '../../support/policy-events.js';
import { promtool, skipWithoutPromtool } from '../../support/promtool.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

const PAYMENTS = 'http://payments-a:8080';

const SMALL: Topology = {
  routes: [{ name: 'charge', upstream: 'payments', methods: ['GET'], retry: { on: ['reset', '503'] } }],
  upstreams: [{ name: 'payments', endpoints: [PAYMENTS], circuitBreaker: {}, concurrency: {} }],
};

const WHOLE: Topology = {
  routes: [
    {
      name: 'charge',
      upstream: 'payments',
      retry: { on: ['reset', '5xx', 'retriable-header:x-retry'], shadow: true },
      fallback: { kinds: ['stale', 'upstream', 'response'], on: ['circuit-open', '5xx'] },
      hedge: true,
      rateLimit: { shadow: true },
      faults: true,
    },
  ],
  upstreams: [
    { name: 'payments', endpoints: [PAYMENTS], circuitBreaker: { shadow: true }, concurrency: { shadow: true } },
    { name: 'payments-eu', endpoints: ['http://eu:8080'] },
  ],
};

const SOURCES: MetricSources = {
  circuits: () => [{ upstream: 'payments', key: PAYMENTS, state: 'half-open' }],
  concurrency: () => [{ upstream: 'payments', limit: 1024, inFlight: 3, queued: 2 }],
  budgets: () => [{ upstream: 'payments', remaining: 10 }],
  replayMemoryBytes: () => 4096,
  inFlight: () => 7,
  retriesEnabled: () => [{ route: 'charge', enabled: true }],
  attemptTimeouts: () => [{ route: 'charge', upstream: 'payments', limitMs: 750 }],
  health: () => [{ upstream: 'payments', panic: true, endpoints: [{ endpoint: PAYMENTS, healthy: false }] }],
};

function metricsOf(topology: Topology, clock = new VirtualClock(), pause = () => Promise.resolve()): Metrics {
  return new Metrics({ topology, clock, version: '1.2.3', pause });
}

async function scraped(metrics: Metrics, openMetrics: boolean) {
  const { contentType, body } = await metrics.scrape(openMetrics);
  return { contentType, body: await text(Readable.from(body)) };
}

/** The samples of Outrigger's own metrics by name and labels. */
async function samples(metrics: Metrics, openMetrics = false): Promise<Map<string, number>> {
  const { body } = await scraped(metrics, openMetrics);
  const found = new Map<string, number>();
  for (const line of body.split('\n')) {
    const match = /^(outrigger_[^ ]*?(?:\{.*\})?) (\S+)$/.exec(line);
    if (match !== null) found.set(match[1]!, Number(match[2]));
  }
  return found;
}

describe('metrics at the start', () => {
  test('what is configured has series at 0', async () => {
    const found = await samples(metricsOf(SMALL));
    for (const name of [
      'outrigger_requests_total{route="charge",upstream="payments",method="GET",code="200",outcome="success"}',
      'outrigger_requests_total{route="charge",upstream="payments",method="GET",code="503",outcome="refused"}',
      'outrigger_request_duration_seconds_count{route="charge",upstream="payments"}',
      `outrigger_attempts_total{route="charge",upstream="payments",endpoint="${PAYMENTS}",result="connect-failure"}`,
      'outrigger_attempt_duration_seconds_bucket{route="charge",upstream="payments",le="+Inf"}',
      'outrigger_retries_total{route="charge",upstream="payments",reason="503"}',
      'outrigger_retry_successes_total{route="charge",upstream="payments"}',
      'outrigger_retries_suppressed_total{route="charge",upstream="payments",reason="budget"}',
      'outrigger_retry_ratio{route="charge",upstream="payments"}',
      'outrigger_backoff_seconds_total{route="charge",upstream="payments"}',
      'outrigger_timeouts_total{route="charge",upstream="payments",kind="attempt"}',
      'outrigger_circuit_transitions_total{upstream="payments",from="closed",to="open",reason="failure-rate"}',
      'outrigger_circuit_refusals_total{route="charge",upstream="payments"}',
      'outrigger_config_reloads_total{result="failure"}',
    ]) {
      assert.equal(found.get(name), 0, name);
    }
  });

  test('policies that are not configured have no series and no head', async () => {
    const metrics = metricsOf({
      routes: [{ name: 'charge', upstream: 'payments' }],
      upstreams: [{ name: 'payments', endpoints: [PAYMENTS] }],
    });
    const { body } = await scraped(metrics, false);
    for (const name of ['retries', 'retries_suppressed', 'circuit', 'fallbacks', 'hedges', 'rate_limited', 'shadow']) {
      assert.doesNotMatch(body, new RegExp(`outrigger_${name}_`), name);
    }
    assert.doesNotMatch(body, /outrigger_(faults_injected|endpoint_healthy|health_panic)/);
  });

  test('every policy that is configured has its metrics', async () => {
    const metrics = metricsOf(WHOLE);
    metrics.watch(SOURCES);
    const found = await samples(metrics);
    for (const [name, value] of [
      ['fallbacks_total{route="charge",kind="stale",cause="503",result="failure"}', 0],
      ['hedges_total{route="charge",result="won"}', 0],
      ['rate_limited_total{route="charge"}', 0],
      ['faults_injected_total{route="charge",kind="abort"}', 0],
      ['shadow_total{route="-",upstream="payments",policy="circuitBreaker",action="would-open"}', 0],
      ['retries_total{route="charge",upstream="payments",reason="retriable-header"}', 0],
      ['endpoint_healthy{upstream="payments",endpoint="http://payments-a:8080"}', 0],
      ['health_panic{upstream="payments"}', 1],
      ['retries_enabled{route="charge"}', 1],
      ['attempt_timeout_seconds{route="charge",upstream="payments"}', 0.75],
      ['retry_budget_remaining{upstream="payments"}', 10],
      ['concurrency_limit{upstream="payments"}', 1024],
      ['concurrency_in_flight{upstream="payments"}', 3],
      ['concurrency_queue{upstream="payments"}', 2],
      ['replay_memory_bytes', 4096],
      ['in_flight_requests', 7],
      ['circuit_state{upstream="payments",key="http://payments-a:8080",state="half-open"}', 1],
      ['circuit_state{upstream="payments",key="http://payments-a:8080",state="open"}', 0],
      [`build_info{version="1.2.3",node="${process.versions.node}"}`, 1],
      ['config_last_reload_success_timestamp_seconds', Date.UTC(2026, 0, 1) / 1_000],
      ['config_last_reload_successful', 1],
    ] as const) {
      assert.equal(found.get(`outrigger_${name}`), value, name);
    }
  });
});

describe('counting', () => {
  test('a call is counted by method, code and outcome, and timed', async () => {
    const metrics = metricsOf(SMALL);
    metrics.record(callEvent(fakeCall({ method: 'DELETE' }), 'failure', 502, 30));
    metrics.record(callEvent(fakeCall({ method: 'BREW' }), 'client-gone', 0, 2_000));
    const found = await samples(metrics);
    const labels = 'route="charge",upstream="payments"';
    assert.equal(found.get(`outrigger_requests_total{${labels},method="DELETE",code="502",outcome="failure"}`), 1);
    assert.equal(found.get(`outrigger_requests_total{${labels},method="OTHER",code="000",outcome="client-gone"}`), 1);
    assert.equal(found.get(`outrigger_request_duration_seconds_bucket{${labels},le="0.025"}`), 0);
    assert.equal(found.get(`outrigger_request_duration_seconds_bucket{${labels},le="0.05"}`), 1);
    assert.equal(found.get(`outrigger_request_duration_seconds_bucket{${labels},le="+Inf"}`), 2);
    assert.equal(found.get(`outrigger_request_duration_seconds_sum{${labels}}`), 2.03);
    assert.equal(found.get(`outrigger_request_duration_seconds_count{${labels}}`), 2);
  });

  test('a duration on a bound belongs to that bucket', async () => {
    const metrics = metricsOf(SMALL);
    metrics.record(callEvent(fakeCall(), 'success', 200, 50));
    const found = await samples(metrics);
    const name = 'outrigger_request_duration_seconds_bucket{route="charge",upstream="payments",le="0.05"}';
    assert.equal(found.get(name), 1);
  });

  test('an attempt counts at its endpoint; one that reached none is no attempt', async () => {
    const metrics = metricsOf(SMALL);
    const call = fakeCall();
    metrics.record(attemptEvent(fakeAttempt(call, PAYMENTS), '503', 4));
    metrics.record(attemptEvent(fakeAttempt(call, undefined), 'circuit-open', 0));
    const found = await samples(metrics);
    const labels = 'route="charge",upstream="payments"';
    assert.equal(found.get(`outrigger_attempts_total{${labels},endpoint="${PAYMENTS}",result="503"}`), 1);
    assert.equal(found.get(`outrigger_attempt_duration_seconds_count{${labels}}`), 1);
    assert.ok(![...found.keys()].some((name) => name.includes('result="circuit-open"')));
  });

  test('everything else that policies say is counted once under its labels', async () => {
    const metrics = metricsOf(WHOLE);
    const call = fakeCall();
    metrics.record(retryEvent(fakeAttempt(call, PAYMENTS), '503', 150));
    metrics.record(attemptEvent(fakeAttempt(call, PAYMENTS, 2, '503'), 'success'));
    metrics.record({ type: 'retry-success', call });
    metrics.record({ type: 'retry-suppressed', call, reason: 'budget' });
    metrics.record({ type: 'timeout', call, kind: 'deadline' });
    metrics.record({ type: 'circuit-refusal', call });
    metrics.record({ type: 'fallback', call, kind: 'response', cause: 'circuit-open', result: 'success' });
    metrics.record({ type: 'hedge', call, result: 'won' });
    metrics.record({ type: 'rate-limited', call });
    metrics.record({ type: 'fault', call, kind: 'delay' });
    metrics.record({ type: 'health', upstream: 'payments', endpoint: PAYMENTS, healthy: false, reason: 'timeout' });
    metrics.record({
      type: 'circuit',
      upstream: 'payments',
      key: PAYMENTS,
      from: 'closed',
      to: 'open',
      reason: 'failure-rate',
      forMs: 1_000,
    });
    const shadow = { policy: 'retry', action: 'would-retry' } as const;
    metrics.record({ type: 'shadow', route: 'charge', upstream: 'payments', ...shadow });
    metrics.configReloaded('failure');
    const found = await samples(metrics);
    const route = 'route="charge",upstream="payments"';
    for (const [name, value] of [
      [`retries_total{${route},reason="503"}`, 1],
      [`backoff_seconds_total{${route}}`, 0.15],
      [`retry_successes_total{${route}}`, 1],
      [`retries_suppressed_total{${route},reason="budget"}`, 1],
      [`timeouts_total{${route},kind="deadline"}`, 1],
      [`circuit_refusals_total{${route}}`, 1],
      ['fallbacks_total{route="charge",kind="response",cause="circuit-open",result="success"}', 1],
      ['hedges_total{route="charge",result="won"}', 1],
      ['rate_limited_total{route="charge"}', 1],
      ['faults_injected_total{route="charge",kind="delay"}', 1],
      ['circuit_transitions_total{upstream="payments",from="closed",to="open",reason="failure-rate"}', 1],
      [`shadow_total{${route},policy="retry",action="would-retry"}`, 1],
      ['config_reloads_total{result="failure"}', 1],
      ['config_last_reload_successful', 0],
    ] as const) {
      assert.equal(found.get(`outrigger_${name}`), value, name);
    }
    metrics.configReloaded('success');
    assert.equal((await samples(metrics)).get('outrigger_config_last_reload_successful'), 1);
  });

  test('a retry that was planned and then refused is none', async () => {
    const metrics = metricsOf(SMALL);
    metrics.record(retryEvent(fakeAttempt(fakeCall(), PAYMENTS), '503', 150));
    const found = await samples(metrics);
    const labels = 'route="charge",upstream="payments"';
    assert.equal(found.get(`outrigger_retries_total{${labels},reason="503"}`), 0);
    assert.equal(found.get(`outrigger_retry_ratio{${labels}}`), 0);
    assert.equal(found.get(`outrigger_backoff_seconds_total{${labels}}`), 0.15);
  });

  test('retry_ratio is retries per call over the last minute', async () => {
    const clock = new VirtualClock();
    const metrics = metricsOf(SMALL, clock);
    const name = 'outrigger_retry_ratio{route="charge",upstream="payments"}';
    const record = (calls: number, retries: number) => {
      for (let n = 0; n < calls; n++) metrics.record(callEvent(fakeCall(), 'success', 200));
      for (let n = 0; n < retries; n++) {
        metrics.record(attemptEvent(fakeAttempt(fakeCall(), PAYMENTS, 2, 'reset'), 'success'));
      }
    };
    record(8, 4);
    assert.equal((await samples(metrics)).get(name), 0.5);
    clock.advance(30_000);
    record(2, 0);
    assert.equal((await samples(metrics)).get(name), 0.4);
    clock.advance(30_000);
    assert.equal((await samples(metrics)).get(name), 0, 'the first second is over');
    clock.advance(3_600_000);
    record(1, 1);
    assert.equal((await samples(metrics)).get(name), 1, 'an idle hour leaves nothing behind');
  });

  test('traffic cannot add series without limit', async () => {
    const metrics = metricsOf(SMALL);
    for (let n = 0; n < 1_000; n++) {
      metrics.record(callEvent(fakeCall({ method: `M${n}` }), 'success', 200));
      metrics.record(callEvent(fakeCall({ route: `r${n}` }), 'success', 200));
      metrics.record(callEvent(fakeCall({ route: '', upstream: '' }), 'failure', 404));
    }
    const { body } = await scraped(metrics, false);
    assert.doesNotMatch(body, /r999|M999/);
    const name = 'outrigger_requests_total{route="-",upstream="-",method="GET",code="404",outcome="failure"}';
    assert.equal((await samples(metrics)).get(name), 1_000);
  });

  test('nor can an upstream: statuses that it makes up count by their class beyond a few', async () => {
    const metrics = metricsOf(SMALL);
    for (let status = 999; status >= 200; status--) {
      for (const method of ['GET', 'POST']) {
        metrics.record(callEvent(fakeCall({ method }), status < 500 ? 'success' : 'failure', status));
      }
    }
    const counted = [...(await samples(metrics))].filter(([name]) => name.startsWith('outrigger_requests_total{'));
    const codes = new Set(counted.map(([name]) => /code="([^"]*)"/.exec(name)?.[1]));
    assert.ok(codes.size <= 64 + 32 + 4, `${codes.size} codes`);
    for (const code of ['200', '404', '503', '999', '2xx', '3xx', '4xx', '5xx']) assert.ok(codes.has(code), code);
    assert.equal(
      counted.reduce((sum, [, value]) => sum + value, 0),
      2 * 800,
    );
  });

  test('the series of an endpoint go five minutes after it has gone', async () => {
    const clock = new VirtualClock();
    const metrics = metricsOf(SMALL, clock);
    let current = [PAYMENTS, `${PAYMENTS}#10.0.0.2`];
    metrics.watch({ ...SOURCES, endpoints: () => current.map((endpoint) => ({ upstream: 'payments', endpoint })) });
    metrics.record(attemptEvent(fakeAttempt(fakeCall(), `${PAYMENTS}#10.0.0.2`), 'success'));
    const shown = async () => [...(await samples(metrics)).keys()].some((name) => name.includes('#10.0.0.2'));
    assert.equal(await shown(), true);
    current = [PAYMENTS];
    assert.equal(await shown(), true, 'seen missing first');
    clock.advance(299_999);
    assert.equal(await shown(), true);
    clock.advance(1);
    assert.equal(await shown(), false);
    metrics.record(attemptEvent(fakeAttempt(fakeCall(), `${PAYMENTS}#10.0.0.2`), 'success'));
    assert.equal(await shown(), true, 'back, and counted anew');
  });
});

describe('an endpoint that is found later', () => {
  test('has its series at 0 before it is used', async () => {
    const metrics = metricsOf(SMALL);
    const endpoint = `${PAYMENTS}#10.0.0.2`;
    metrics.watch({ ...SOURCES, endpoints: () => [{ upstream: 'payments', endpoint }] });
    const name = `outrigger_attempts_total{route="charge",upstream="payments",endpoint="${endpoint}",result="503"}`;
    assert.equal((await samples(metrics)).get(name), 0);
    metrics.record(attemptEvent(fakeAttempt(fakeCall(), endpoint), '503'));
    assert.equal((await samples(metrics)).get(name), 1);
  });
});

describe('another configuration', () => {
  test('counts of what stays go on; the rest is forgotten and not counted any more', async () => {
    const metrics = metricsOf({
      routes: [...SMALL.routes, { name: 'refund', upstream: 'payments' }],
      upstreams: SMALL.upstreams,
    });
    metrics.record(callEvent(fakeCall(), 'success', 200));
    metrics.record(callEvent(fakeCall({ route: 'refund' }), 'success', 200));
    metrics.setTopology(SMALL);
    metrics.record(callEvent(fakeCall(), 'success', 200));
    metrics.record(callEvent(fakeCall({ route: 'refund' }), 'success', 200));
    const found = await samples(metrics);
    const name =
      'outrigger_requests_total{route="charge",upstream="payments",method="GET",code="200",outcome="success"}';
    assert.equal(found.get(name), 2);
    assert.ok(![...found.keys()].some((key) => key.includes('refund')));
  });

  test('a new route has its series at 0 at once', async () => {
    const metrics = metricsOf(SMALL);
    metrics.setTopology(WHOLE);
    assert.equal((await samples(metrics)).get('outrigger_hedges_total{route="charge",result="lost"}'), 0);
  });
});

describe('a long answer', () => {
  const routes = Array.from({ length: 200 }, (_, i) => ({ name: `r${i}`, upstream: `u${i}`, retry: { on: ['5xx'] } }));
  const many: Topology = {
    routes,
    upstreams: routes.map(({ upstream }) => ({ name: upstream, endpoints: [PAYMENTS], circuitBreaker: {} })),
  };
  const slicesOf = async (metrics: Metrics) => {
    const slices: string[] = [];
    for await (const slice of (await metrics.scrape(false)).body) slices.push(slice);
    return slices;
  };

  test('comes in slices of whole lines, and calls go on between them', async () => {
    let pauses = 0;
    const metrics = metricsOf(many, new VirtualClock(), async () => {
      pauses++;
    });
    const slices = await slicesOf(metrics);
    assert.equal(pauses, slices.length - 1);
    assert.ok(slices.length > 20, `${slices.length} slices`);
    for (const slice of slices) {
      assert.ok(slice.length < 64 * 1_024, `${slice.length} characters`);
      assert.ok(slice.endsWith('\n'));
    }
  });

  test('is one slice where there is little to say', async () => {
    assert.equal((await slicesOf(metricsOf(SMALL))).length, 1);
  });

  test('shows each series at one moment, and each circuit in one state, whatever happens meanwhile', async () => {
    let state: 'closed' | 'open' = 'closed';
    const metrics: Metrics = metricsOf(many, new VirtualClock(), async () => {
      state = state === 'closed' ? 'open' : 'closed';
      for (const { name, upstream } of routes) {
        metrics.record(callEvent(fakeCall({ route: name, upstream }), 'success', 200));
      }
    });
    metrics.watch({
      ...SOURCES,
      circuits: () => ({
        *[Symbol.iterator]() {
          for (const { upstream } of routes) yield { upstream, key: PAYMENTS, state };
        },
      }),
    });
    const found = await samples(metrics);
    const of = (name: string, labels: string) => found.get(`outrigger_${name}{${labels}}`)!;
    const counts = new Set<number>();
    for (const { name, upstream } of routes) {
      const labels = `route="${name}",upstream="${upstream}"`;
      const count = of('request_duration_seconds_count', labels);
      assert.equal(of('request_duration_seconds_bucket', `${labels},le="+Inf"`), count);
      counts.add(count);
      const states = ['closed', 'open', 'half-open', 'ramping', 'forced-open', 'forced-closed'].map((one) =>
        of('circuit_state', `upstream="${upstream}",key="${PAYMENTS}",state="${one}"`),
      );
      assert.equal(
        states.reduce((sum, one) => sum + one),
        1,
      );
    }
    assert.ok(counts.size > 1, 'calls were counted between slices');
  });

  test('is well-formed', { skip: skipWithoutPromtool }, async () => {
    const metrics = metricsOf(many);
    metrics.watch(SOURCES);
    const { body } = await scraped(metrics, false);
    assert.deepEqual(promtool(['check', 'metrics'], body), { code: 0, said: '' });
  });
});

describe('the text', () => {
  test('OpenMetrics: families without _total, samples with it, bounds as floats, an end mark', async () => {
    const { body, contentType } = await scraped(metricsOf(SMALL), true);
    assert.match(contentType, /^application\/openmetrics-text; version=1\.0\.0/);
    assert.match(body, /\n# TYPE outrigger_requests counter\noutrigger_requests_total\{/);
    assert.match(body, /le="1\.0"/);
    assert.ok(body.endsWith('# EOF\n'));
  });

  test('an OpenMetrics scrape leaves the names of the next one alone', async () => {
    const metrics = metricsOf(SMALL);
    await metrics.scrape(true);
    const { body, contentType } = await scraped(metrics, false);
    assert.match(contentType, /^text\/plain; version=0\.0\.4/);
    assert.match(body, /\n# TYPE outrigger_requests_total counter\n/);
    assert.match(body, /\nprocess_cpu_seconds_total \d/);
  });

  /** As a call is in a trace that is sampled, or is not. */
  const traced = (traceId: string, sampled: boolean) =>
    fakeCall({ trace: { traceId, sampled, attemptHeaders: () => [] } });
  const [SEEN, UNSEEN] = ['a'.repeat(32), 'b'.repeat(32)];

  /** A call of 3 ms and an attempt of 200 ms in sampled traces, and a later call of 3 ms in one that is not. */
  function exemplary(): Metrics {
    const clock = new VirtualClock(1_700_000_000_000);
    const metrics = metricsOf(SMALL, clock);
    clock.advance(1_500);
    metrics.record(callEvent(traced(SEEN, true), 'success', 200, 3));
    metrics.record(attemptEvent(fakeAttempt(traced(SEEN, true), PAYMENTS), 'success', 200));
    metrics.record(callEvent(traced(UNSEEN, false), 'success', 200, 3));
    metrics.record(callEvent(fakeCall(), 'success', 200, 3));
    return metrics;
  }

  test('OpenMetrics: a bucket shows the last sampled trace that fell into it, and no other line any', async () => {
    const { body } = await scraped(exemplary(), true);
    const shown = body.split('\n').filter((line) => line.includes(' # '));
    const series = '{route="charge",upstream="payments",le=';
    assert.deepEqual(shown.toSorted(), [
      `outrigger_attempt_duration_seconds_bucket${series}"0.25"} 1 # {trace_id="${SEEN}"} 0.2 1700000001.500`,
      `outrigger_request_duration_seconds_bucket${series}"0.005"} 3 # {trace_id="${SEEN}"} 0.003 1700000001.500`,
    ]);
    assert.doesNotMatch((await scraped(exemplary(), false)).body, / # /);
  });

  test("Prometheus' own parser of OpenMetrics takes all of it", { skip: skipWithoutPromtool }, async (t) => {
    const { body } = await scraped(exemplary(), true);
    // What is backfilled has to have its time.
    const timed = body.replace(/^([a-z]\w*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?) (\S+)/gm, '$1 $2 1700000002');
    const folder = mkdtempSync(path.join(tmpdir(), 'outrigger-openmetrics-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const parsed = (name: string, text: string) => {
      const file = path.join(folder, name);
      writeFileSync(file, text);
      return promtool(['tsdb', 'create-blocks-from', 'openmetrics', file, path.join(folder, 'blocks')]);
    };
    const { code, said } = parsed('whole', timed);
    assert.equal(code, 0, said);
    assert.notEqual(parsed('broken', timed.replace('# {trace_id=', '# trace_id=')).code, 0);
  });

  test('label values are escaped', async () => {
    const metrics = metricsOf(SMALL);
    metrics.watch({ ...SOURCES, circuits: () => [{ upstream: 'payments', key: 'a"b\\c\nd', state: 'open' }] });
    const { body } = await scraped(metrics, false);
    assert.ok(body.includes('key="a\\"b\\\\c\\nd",state="open"} 1'));
  });

  test('the process and its event loop are measured too, by well-formed names only', async () => {
    const { body } = await scraped(metricsOf(SMALL), false);
    assert.match(body, /\nprocess_resident_memory_bytes \d/);
    assert.match(body, /\nnodejs_eventloop_lag_p99_seconds \d/);
    assert.match(body, /\nnodejs_heap_space_size_used_bytes\{space="new"\} \d/);
    assert.doesNotMatch(body, /nodejs_active_\w+_total/);
  });

  test('promtool finds nothing to mind', { skip: skipWithoutPromtool }, async () => {
    const metrics = metricsOf(WHOLE);
    metrics.watch(SOURCES);
    metrics.record(callEvent(fakeCall(), 'success', 200));
    const { body } = await scraped(metrics, false);
    assert.deepEqual(promtool(['check', 'metrics'], body), { code: 0, said: '' });
  });
});
