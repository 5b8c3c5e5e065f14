/**
 * The soak's upstream: answers or misbehaves by chance that is seeded. `node upstream.js PORT SEED`. It speaks just enough
 * HTTP to cost next to nothing, since it shares a core with the load.
 */
import { createServer, type Socket } from 'node:net';
import { seededRandom } from '../../src/simulation/seeded-random.js';
import { FAULTS, SLOW_PIECE_MS } from './plan.js';

const [port = '0', seed = '1'] = process.argv.slice(2);
const random = seededRandom(Number(seed));

const body = 'x'.repeat(1_024);
const head = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n`;
const GOOD = Buffer.from(head + body);
const UNAVAILABLE = Buffer.from('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}');
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const PIECES = 4;

function answerSlowly(socket: Socket): void {
  const piece = body.length / PIECES;
  let left = PIECES;
  socket.write(head);
  const timer = setInterval(() => {
    socket.write(body.slice(0, piece));
    if (--left === 0) clearInterval(timer);
  }, SLOW_PIECE_MS);
  socket.once('close', () => clearInterval(timer));
}

function answer(socket: Socket): void {
  let drawn = random();
  const falls = (share: number): boolean => {
    drawn -= share;
    return drawn < 0;
  };
  if (falls(FAULTS.unavailable)) socket.write(UNAVAILABLE);
  else if (falls(FAULTS.reset)) socket.resetAndDestroy();
  else if (falls(FAULTS.never)) return;
  else if (falls(FAULTS.slow)) answerSlowly(socket);
  else if (falls(FAULTS.cut)) socket.write(GOOD.subarray(0, GOOD.length / 2), () => socket.resetAndDestroy());
  else socket.write(GOOD);
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  // Its requests have no bodies and are never pipelined: one ends where a chunk ends with an empty line.
  socket.on('data', (chunk) => {
    if (chunk.subarray(-4).equals(END_OF_HEAD)) answer(socket);
  });
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4_096 });
