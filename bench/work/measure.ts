/**
 * What one call makes the proxy do, in counts: they do not depend on how busy a machine is, so that a bound on them holds
 * everywhere. Optimising compilers are off, since what they spare depends on when they get to it; with them, Outrigger's own
 * code allocates about as much, and Node's about half.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { CountingProcess } from './counting-process.js';
import type { Events, Owner, Site } from './protocol.js';

/** Of one call: the least of several batches, since one-off work only adds. */
export interface Work {
  readonly events: Events;
  /** Bytes on the JavaScript heap, by whose code allocated them. */
  readonly bytes: Readonly<Record<Owner, number>>;
  /** Where they were allocated, most first. */
  readonly sites: readonly Site[];
}

const BODY = 'x'.repeat(1_024);
const HEADERS = 'Host: app.test\r\nAccept: */*\r\nUser-Agent: work\r\n';

const GET = `GET /x HTTP/1.1\r\n${HEADERS}\r\n`;
const POST = `POST /x HTTP/1.1\r\n${HEADERS}Content-Length: ${BODY.length}\r\n\r\n${BODY}`;

/** Spans wait for a collector that is not there: what sending them takes belongs to no call. */
const NO_COLLECTOR = 'http://127.0.0.1:1';

/** Calls of the app, whose answer is 1 KiB, and what `tracing` says. */
export const CALLS = {
  GET: { request: GET, tracing: 'false' },
  'POST of 1 KiB': { request: POST, tracing: 'false' },
  'GET in a trace that is not sampled': { request: GET, tracing: `{ otlp: '${NO_COLLECTOR}', sample: 0% }` },
  'GET in a trace that is sampled': { request: GET, tracing: `{ otlp: '${NO_COLLECTOR}', sample: 100% }` },
} as const;

const ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

const WARM_UP_CALLS = 300;
const BATCHES = 6;
const BATCH_CALLS = 40;

/**
 * Counts what a call does, in a process of its own; in about two seconds. Rejects when that process fails.
 *
 * @param wasteful whether each call does a little more, to show that it is seen
 */
export async function measureWork(call: keyof typeof CALLS, wasteful = false): Promise<Work> {
  const upstream = await startUpstream();
  const { request, tracing } = CALLS[call];
  const counting = new CountingProcess((upstream.address() as AddressInfo).port, tracing, wasteful);
  let app: Socket | undefined;
  try {
    app = connect({ port: await counting.port, host: '127.0.0.1', noDelay: true });
    await once(app, 'connect');
    const made = app;
    const calls = async (count: number) => {
      for (let i = 0; i < count; i++) await answered(made, request);
    };
    await calls(WARM_UP_CALLS);
    const idle = await counting.events(() => calls(0));
    const events: Events[] = [];
    const sites: Site[][] = [];
    for (let batch = 0; batch < BATCHES; batch++) {
      events.push(perCall(await counting.events(() => calls(BATCH_CALLS)), idle));
      sites.push(await counting.allocations(() => calls(BATCH_CALLS)));
    }
    return { events: least(events), ...allocated(sites) };
  } finally {
    app?.destroy();
    counting.end();
    upstream.close();
  }
}

/** An upstream that answers every packet: a request that came in two would be answered twice. */
async function startUpstream(): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(ANSWER));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Makes one call and waits until its answer is whole. */
function answered(app: Socket, request: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = '';
    const onData = (chunk: Buffer): void => {
      received += chunk.toString('latin1');
      if (!received.endsWith(BODY)) return;
      app.off('data', onData);
      app.off('close', onClose);
      if (received.startsWith('HTTP/1.1 200 ')) resolve();
      else reject(new Error(`the answer was ${received.slice(0, 200)}`));
    };
    const onClose = (): void => reject(new Error(`the connection ended after: ${received.slice(0, 200)}`));
    app.on('data', onData);
    app.once('close', onClose);
    app.write(request);
  });
}

function perCall(counted: Events, idle: Events): Events {
  return events((name) => (counted[name] - idle[name]) / BATCH_CALLS);
}

function least(batches: readonly Events[]): Events {
  return events((name) => Math.min(...batches.map((batch) => batch[name])));
}

function events(of: (name: keyof Events) => number): Events {
  return {
    promises: of('promises'),
    timers: of('timers'),
    immediates: of('immediates'),
    ticks: of('ticks'),
    reads: of('reads'),
    writes: of('writes'),
  };
}

function allocated(batches: readonly (readonly Site[])[]): Pick<Work, 'bytes' | 'sites'> {
  const by = (owner: Owner, sites: readonly Site[]) =>
    sites.reduce((sum, site) => sum + (site.owner === owner ? site.bytes : 0), 0) / BATCH_CALLS;
  const of = (owner: Owner) => Math.round(Math.min(...batches.map((sites) => by(owner, sites))));
  const [leanest = []] = batches.toSorted((a, b) => by('own', a) - by('own', b));
  return {
    bytes: { own: of('own'), packages: of('packages'), node: of('node') },
    sites: leanest
      .map((site) => ({ ...site, bytes: Math.round(site.bytes / BATCH_CALLS) }))
      .toSorted((a, b) => b.bytes - a.bytes),
  };
}
