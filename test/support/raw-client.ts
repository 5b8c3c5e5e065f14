import { connect, type Socket } from 'node:net';

/** A client that writes bytes and collects what comes back. */
export interface RawClient {
  readonly socket: Socket;
  /** All that was received so far, as latin1. */
  readonly received: string;
  write(text: string | Buffer): void;
  /** Waits until what was received holds this; rejects when the connection ends without it. */
  until(text: string | RegExp): Promise<string>;
  /** Waits for the end of the connection; `error` if it did not end cleanly. */
  ended(): Promise<{ readonly received: string; readonly error: NodeJS.ErrnoException | undefined }>;
}

/** Connects to a port of loopback, or to a Unix socket. */
export function rawClient(at: number | string): RawClient {
  const socket = connect(typeof at === 'number' ? { port: at, host: '127.0.0.1' } : { path: at });
  let received = '';
  let error: NodeJS.ErrnoException | undefined;
  const wakers = new Set<() => void>();
  const wake = () => {
    for (const waker of [...wakers]) waker();
  };
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    wake();
  });
  socket.on('error', (cause: NodeJS.ErrnoException) => (error = cause));
  socket.on('close', wake);
  return {
    socket,
    get received() {
      return received;
    },
    write: (text) => void socket.write(text, 'latin1'),
    until: (text) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = typeof text === 'string' ? received.includes(text) : text.test(received);
          if (!found && !socket.destroyed) return;
          wakers.delete(check);
          if (found) resolve(received);
          else reject(new Error(`the connection ended without ${String(text)}, after: ${received}`));
        };
        wakers.add(check);
        check();
      }),
    ended: () =>
      new Promise((resolve) => {
        const check = () => {
          if (!socket.closed) return;
          wakers.delete(check);
          resolve({ received, error });
        };
        wakers.add(check);
        check();
      }),
  };
}

/** Sends a request's bytes and returns all that came back until the connection ended. */
export async function exchange(at: number | string, text: string): Promise<string> {
  const client = rawClient(at);
  client.write(text);
  return (await client.ended()).received;
}
