import { createServer, type AddressInfo, type Socket } from 'node:net';
import { readStrictly, type StrictRequest } from './strict-requests.js';

/** An upstream that notes each byte, and answers each request that it can read in one way only. */
export interface RecordingUpstream {
  readonly origin: string;
  readonly port: number;
  /** What came over each connection, oldest first, as latin1. */
  readonly connections: readonly string[];
  /** The whole requests of all connections, in the order in which they became whole. */
  readonly requests: readonly StrictRequest[];
  /** The beginnings of requests that never became whole. */
  beginnings(): string[];
  /** Bytes that two parsers could read differently. */
  readonly problems: readonly string[];
  /** Forgets what it saw; connections stay. */
  forget(): void;
  close(): Promise<void>;
}

/** How a request is written in expectations, and as the body of its answer: `POST /x abc`. */
export function inWords({ method, target, body }: StrictRequest): string {
  return body === '' ? `${method} ${target}` : `${method} ${target} ${body}`;
}

/** Raw TCP rather than a node:http server, whose parser would hide what was really sent. */
export async function startRecordingUpstream(): Promise<RecordingUpstream> {
  const sockets = new Map<Socket, { bytes: string; unread: string }>();
  const gone: string[] = [];
  const beginnings: string[] = [];
  const requests: StrictRequest[] = [];
  const problems: string[] = [];
  const server = createServer((socket) => {
    const seen = { bytes: '', unread: '' };
    sockets.set(socket, seen);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      seen.bytes += text;
      const reading = readStrictly(seen.unread + text);
      seen.unread = reading.rest;
      if (reading.problem !== undefined) problems.push(reading.problem);
      for (const request of reading.requests) {
        requests.push(request);
        const words = inWords(request);
        const body = request.method === 'HEAD' ? '' : words;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${words.length}\r\n\r\n${body}`, 'latin1');
      }
    });
    socket.on('close', () => {
      sockets.delete(socket);
      gone.push(seen.bytes);
      if (seen.unread !== '') beginnings.push(seen.unread);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    get connections() {
      return [...gone, ...[...sockets.values()].map(({ bytes }) => bytes)];
    },
    requests,
    beginnings: () => [...beginnings, ...[...sockets.values()].map(({ unread }) => unread).filter((one) => one !== '')],
    problems,
    forget() {
      for (const list of [gone, beginnings, requests, problems]) list.length = 0;
      for (const seen of sockets.values()) seen.bytes = '';
    },
    async close() {
      for (const socket of sockets.keys()) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
