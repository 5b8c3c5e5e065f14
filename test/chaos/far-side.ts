/**
 * The service and the bad network before it, in a process of their own: `far-side.js SEED`. Tells its port when it is ready;
 * is told which fault to do, and asked what it saw.
 */
import type { AddressInfo } from 'node:net';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { seededRandom } from '../../src/simulation/seeded-random.js';
import { FAULTS, FaultRelay, type Fault } from '../support/fault-relay.js';
import { checksumOf, DONE_ONCE, payloadOf } from './calls.js';

/** One fault only, all of them by turns, or none. */
export type Weather = Fault | 'mixed' | 'none';

export type ToFarSide = { readonly weather: Weather } | 'report';

export interface FarSideReport {
  readonly requests: number;
  /** Calls that must be done once and were done more often. */
  readonly doneTwice: number;
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
}

/** Of the exchanges while a fault is on: the others show that it harms nobody else. */
const SHARE = 0.6;
/** Of the answers are refusals of the service itself. */
const REFUSED = 0.02;

const random = seededRandom(Number(process.argv[2] ?? 1));
let weather: Weather = 'none';
let requests = 0;
let doneTwice = 0;
const done = new Set<string>();

const service = createHttpServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('error', () => undefined);
  request.on('end', () => answer(request, response, Buffer.concat(chunks)));
});

function answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const { method = '', url = '' } = request;
  requests++;
  if (method === DONE_ONCE) note(String(request.headers['x-call']));
  if (random() < REFUSED) {
    response.writeHead(503).end();
    return;
  }
  const checksum = checksumOf(method, url, body);
  const query = new URL(url, 'http://far').searchParams;
  const payload = payloadOf({ checksum, size: Number(query.get('size')) });
  const length = query.get('chunked') === '1' ? {} : { 'content-length': String(payload.length) };
  response.writeHead(200, { 'x-checksum': checksum, 'x-seen': `${method} ${url}, ${body.length} bytes`, ...length });
  response.end(method === 'HEAD' ? undefined : payload);
}

function note(id: string): void {
  if (done.has(id)) doneTwice++;
  done.add(id);
}

function draw(): Fault | 'none' {
  if (weather === 'none' || random() > SHARE) return 'none';
  return weather === 'mixed' ? FAULTS[Math.floor(random() * FAULTS.length)]! : weather;
}

service.listen(0, '127.0.0.1', () => {
  const relay = new FaultRelay({ port: (service.address() as AddressInfo).port, draw, random });
  process.on('message', (message: ToFarSide) => {
    if (message === 'report') {
      const report: FarSideReport = { requests, doneTwice, faults: Object.fromEntries(relay.done) };
      process.send?.(report);
    } else {
      ({ weather } = message);
    }
  });
  void relay.start().then((port) => process.send?.(port));
});
process.on('disconnect', () => process.exit(0));
