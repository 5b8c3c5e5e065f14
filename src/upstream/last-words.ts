import type { Socket } from 'node:net';

type Written = (error?: Error | null) => void;

/**
 * Has a connection be read to its end when writing to it fails. A server that refuses an upload answers (413, or 401) and
 * closes, and what is still written is met with a reset: Node would then throw the connection away with the answer unread
 * in it. The failed write is left open instead, so that nothing more is written, until the reading side has had the answer,
 * if there is one, and the connection's end.
 */
export function hearLastWords(socket: Socket): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  const atEnd =
    (written: Written): Written =>
    (error) => {
      if (isReset(error) && !socket.readableEnded) socket.once('end', () => written(error));
      else written(error);
    };
  socket._write = (chunk, encoding, written) => write(chunk, encoding, atEnd(written));
  if (writev !== undefined) socket._writev = (chunks, written) => writev(chunks, atEnd(written));
}

/** Whether a write found that the other side has reset the connection. */
function isReset(error: Error | null | undefined): boolean {
  if (error === null || error === undefined || !('code' in error)) return false;
  return error.code === 'EPIPE' || error.code === 'ECONNRESET';
}
