/**
 * The upstream: does what it is told to, by chance that is seeded, and counts the attempts it sees.
 * `node upstream.js PORT SEED`; GET /_/mode/MODE sets what it does, GET /_/attempts tells the counts.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { seededRandom } from '../../src/simulation/seeded-random.js';
import { BROWNOUT, type Mode, PHASE_HEADER } from './plan.js';

const [port = '0', seed = '1'] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const attempts: Record<string, number> = {};
let mode: Mode = 'fine';

const good = JSON.stringify({ items: Array.from({ length: 40 }, (_, id) => ({ id, name: `item ${id}` })) });

function answer(response: ServerResponse, status: number, body: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body);
}

function misbehave(request: IncomingMessage, response: ServerResponse): void {
  const { unavailable, reset, never } = BROWNOUT;
  const drawn = random();
  if (drawn < unavailable) answer(response, 503, '{}');
  else if (drawn < unavailable + reset) request.socket.resetAndDestroy();
  else if (drawn >= unavailable + reset + never) answer(response, 200, good);
}

const server = createServer((request, response) => {
  const [, first, command, argument] = request.url?.split('/') ?? [];
  if (first === '_') {
    if (command === 'mode') mode = argument as Mode;
    answer(response, 200, JSON.stringify(attempts));
    return;
  }
  const phase = request.headers[PHASE_HEADER];
  if (typeof phase === 'string') attempts[phase] = (attempts[phase] ?? 0) + 1;
  switch (mode) {
    case 'fine':
      answer(response, 200, good);
      break;
    case 'outage':
      answer(response, 503, '{}');
      break;
    case 'brownout':
      misbehave(request, response);
      break;
    case 'hang':
      break;
  }
});
// It never closes a connection by itself: that would be a fault more than the plan has.
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4_096 });
