import type { Socket } from 'node:net';
import type { EdgeRequest } from './edge-request.js';

export interface TakeBackDeps {
  /** Calls back when all calls that came over the connection have ended. */
  readonly afterCalls: (then: () => void) => void;
  /** Gives the connection to the server, as if it were new. */
  readonly serve: () => void;
}

/**
 * Goes on with a connection that Node has handed over when a request was in whose Upgrade is ignored. When it has been
 * answered, the server takes the connection again, and first of all what came behind the request.
 */
export function takeBack(
  request: EdgeRequest,
  socket: Socket,
  head: Buffer,
  { afterCalls, serve }: TakeBackDeps,
): void {
  const onError = () => socket.destroy();
  // Only reading makes a stream notice its end; what comes meanwhile waits.
  const onReadable = () => void socket.read(0);
  socket.on('error', onError).on('readable', onReadable);
  const go = () => {
    socket.off('readable', onReadable);
    if (!socket.writable) return;
    if (socket.readableEnded) {
      socket.end();
      return;
    }
    socket.off('error', onError);
    // The time for which it may be idle was set by the answer, and would go on through the next call.
    socket.setTimeout(0);
    if (head.length > 0) socket.unshift(head);
    serve();
  };
  afterCalls(() => {
    // Also an answer that no call was made for has to be out.
    if (request.answer === undefined || request.answer.destroyed) go();
    else request.answer.once('close', go);
  });
}
