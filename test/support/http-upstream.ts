import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createRawServer, type AddressInfo, type Server as RawServer, type Socket } from 'node:net';

/** A request as the upstream got it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** The port it came from: equal for requests over one connection. */
  readonly connection: number;
}

/** All values of a header, in order. */
export function valuesOf(seen: Pick<SeenRequest, 'rawHeaders'>, name: string): string[] {
  return seen.rawHeaders.filter((_, i, all) => i % 2 === 1 && all[i - 1]!.toLowerCase() === name.toLowerCase());
}

export interface Upstream {
  readonly port: number;
  readonly origin: string;
  readonly server: Server;
  /** Requests, oldest first; with their bodies if they were read. */
  readonly seen: readonly SeenRequest[];
  close(): Promise<void>;
}

type Answer = (response: ServerResponse, request: SeenRequest) => void;

/** An upstream that reads each request wholly and then does what it is told. Listens on a free port of loopback. */
export function startUpstream(answer: Answer = (response) => response.end('ok')): Promise<Upstream> {
  return startStreamingUpstream((request, response, seen) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      seen.body = Buffer.concat(chunks);
      answer(response, seen);
    });
  });
}

/** An upstream that is given each request at its head and reads the body itself, or not. */
export async function startStreamingUpstream(
  handle: (request: IncomingMessage, response: ServerResponse, seen: SeenRequest & { body: Buffer }) => void,
): Promise<Upstream> {
  const seen: SeenRequest[] = [];
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, (request, response) => {
    const record = {
      method: request.method ?? '',
      url: request.url ?? '',
      rawHeaders: request.rawHeaders,
      body: Buffer.alloc(0),
      connection: request.socket.remotePort ?? 0,
    };
    seen.push(record);
    handle(request, response, record);
  });
  // Node would drop what is beyond its count, and the test would not see what was sent.
  server.maxHeadersCount = 0;
  const port = await listen(server);
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    server,
    seen,
    close: () => {
      server.closeAllConnections();
      return closed(server);
    },
  };
}

export interface RawUpstream {
  readonly port: number;
  readonly origin: string;
  /** Connections, oldest first. */
  readonly sockets: readonly Socket[];
  close(): Promise<void>;
}

/** An upstream that writes whatever it likes on its sockets. `received` gets the text that came in so far. */
export async function startRawUpstream(
  onConnection: (socket: Socket) => void,
  onData: (socket: Socket, received: string) => void = () => {},
): Promise<RawUpstream> {
  const sockets: Socket[] = [];
  const server = createRawServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    let received = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      onData(socket, received);
    });
    onConnection(socket);
  });
  const port = await listen(server);
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    sockets,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return closed(server);
    },
  };
}

/** An upstream that answers each request, once its head is in, with these bytes. */
export function startByteUpstream(bytes: string): Promise<RawUpstream> {
  return startRawUpstream(
    () => {},
    (socket, received) => {
      if (received.endsWith('\r\n\r\n')) socket.end(bytes, 'latin1');
    },
  );
}

function listen(server: Server | RawServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: Server | RawServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
