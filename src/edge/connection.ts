import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../runtime/clock.js';

/** How long a connection is read on after its last answer, so that an app that is still sending gets that answer. */
const LINGER_MS = 5_000;

/** Breaks a connection so that nobody takes what was sent for the whole: a reset, where the transport has one. */
export function cut(socket: Socket): void {
  if (socket.destroyed) return;
  // A Unix socket has no reset: there, an answer is incomplete by its length or its last chunk.
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * Closes a connection whose request was answered before it was read (RFC 9112, 9.6): our side ends, and what still comes is
 * read and dropped for a while. Closed at once, the kernel would answer it with a reset that can wipe out the answer.
 */
export function closeGently(request: IncomingMessage, response: ServerResponse, clock: Clock): void {
  const { socket } = request;
  const drain = () => {
    request.resume();
    const timer = destroyLater(socket, clock);
    request.once('end', () => {
      timer.cancel();
      if (socket.writableEnded) socket.destroySoon();
    });
  };
  response.once('finish', drain);
  // Node closes the connection at once when the answer said `Connection: close`.
  const destroySoon = socket.destroySoon.bind(socket);
  socket.destroySoon = () => {
    if (request.complete || socket.readableEnded) destroySoon();
    else socket.end();
  };
}

/** The same where nothing of what still comes is to be understood. */
export function linger(socket: Socket, clock: Clock): void {
  destroyLater(socket, clock);
  socket.on('error', () => {});
  socket.resume();
}

function destroyLater(socket: Socket, clock: Clock): Timer {
  const timer = clock.setTimer(LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer.cancel());
  return timer;
}
