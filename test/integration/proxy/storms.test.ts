/** More than the process wants to say, and more than it can do, over real sockets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStreamingUpstream } from '../../support/http-upstream.js';
import { load } from '../../support/load.js';
import { exchange } from '../../support/raw-client.js';
import { startApp, until } from '../../support/running-app.js';

const CALLS = 1_000;
/** A second interval may begin in the middle. */
const MOST_LINES = 40;

test('a storm of failures is a few lines, which say how many there were, and is counted in full', async (t) => {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const app = await startApp(
    t,
    `drainDelay: 0s
upstreams: { gone: { url: "http://127.0.0.1:1", circuitBreaker: false } }
routes: [{ name: all, match: {}, upstream: gone, retry: false }]
`,
    { logLevel: 'info', onLog: (line) => lines.push(line) },
  );
  const { answered } = await load(app.url, { calls: CALLS, concurrency: 20 });
  assert.deepEqual([...answered], [[502, CALLS]]);
  const counted = 'requests_total{route="all",upstream="gone",method="GET",code="502",outcome="failure"}';
  assert.equal(await app.metric(counted), CALLS);
  await app.drain();
  const written = lines.filter(({ msg }) => msg === 'call').length;
  const repeated = lines.filter(({ msg, line }) => msg === 'repeated' && line === 'call');
  assert.ok(written > 0 && written <= MOST_LINES, `${written} lines`);
  assert.equal(written + repeated.reduce((sum, { times }) => sum + Number(times), 0), CALLS);
});

/** What a number by chance costs here, in milliseconds of the event loop. Each call that begins a trace draws several. */
const DRAW_MS = 1;

function drawSlowly(): number {
  const over = performance.now() + DRAW_MS;
  while (performance.now() < over);
  return 0.5;
}

test('more calls than the event loop can do: some are told 503 at once, none is lost, and all is well afterwards', async (t) => {
  let asked = 0;
  const upstream = await startStreamingUpstream((_request, response) => {
    asked++;
    response.end('ok');
  });
  t.after(() => upstream.close());
  const lines: unknown[] = [];
  const app = await startApp(
    t,
    `limits: { maxEventLoopDelay: 1ms }
tracing: { sample: 0% }
upstreams: { service: { url: "${upstream.origin}" } }
routes: [{ name: all, match: {}, upstream: service }]
`,
    { random: drawSlowly, logLevel: 'info', onLog: ({ msg }) => lines.push(msg) },
  );
  const { answered, failed } = await load(app.url, { calls: CALLS, concurrency: 400 });
  const refused = answered.get(503) ?? 0;
  assert.deepEqual([...failed], []);
  assert.ok(refused > 0, 'some are refused');
  assert.equal((answered.get(200) ?? 0) + refused, CALLS);
  assert.equal(asked, CALLS - refused, 'the upstream is not asked what is refused');
  assert.equal(await app.metric('shed_total{reason="event-loop"}'), refused);
  await until(() => lines.includes('shedding ended'), 'it ends');
  assert.ok(lines.includes('shedding'));
  const answer = await exchange(app.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 200 /);
});
