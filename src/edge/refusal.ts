import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { OutriggerError } from '../errors.js';
import { createCall } from '../pipeline/call.js';
import { NO_BODY } from '../pipeline/request-body.js';
import type { Call } from '../policies/policy.js';
import type { CallTrace } from '../policies/trace.js';
import { linger } from './connection.js';
import { problemBytes, problemOf } from './problem.js';
import type { EdgeContext } from './edge-context.js';
import { NO_ROUTE } from './responder.js';

/** A call that was refused before it had a route. */
export function callWithoutRoute(
  known: Pick<Call, 'method' | 'path' | 'startedAt' | 'header'> & { readonly trace?: CallTrace | undefined },
): Call {
  return createCall({
    route: NO_ROUTE,
    upstream: NO_ROUTE,
    host: '',
    trace: undefined,
    body: NO_BODY,
    forwarded: [],
    ...known,
  });
}

/** The path of a request that nobody has looked at. What is no path may bear a user's name and password. */
export function pathOf({ url = '' }: IncomingMessage): string {
  return url.startsWith('/') ? url.split('?', 1)[0]! : '';
}

/**
 * Ends a connection over which something came that Node gave us no response for: it can't be read, or is a CONNECT. It is
 * told so when the calls before it have been answered, and counted and logged like any other call. Is it the body of a call
 * in flight that can't be read, then that call is what ends.
 */
export function refuse(context: EdgeContext, socket: Socket, error: OutriggerError, request?: IncomingMessage): void {
  for (const responder of context.live) {
    if (responder.socket !== socket || responder.requestComplete) continue;
    // Who stops in the middle of a body has gone away.
    if (error.reason === 'incomplete') socket.destroy();
    else responder.fail(error);
    return;
  }
  // What comes behind the last answer of a connection is not looked at.
  if (context.closing.has(socket)) return;
  const startedAt = context.clock.now();
  afterCalls(context, socket, () => {
    const answered = socket.writable;
    if (answered) {
      socket.end(problemBytes(error));
      linger(socket, context.clock);
    }
    context.emit({
      type: 'call',
      call: callWithoutRoute({
        method: request?.method ?? NO_ROUTE,
        path: request === undefined ? '' : pathOf(request),
        startedAt,
        header: () => undefined,
      }),
      status: answered ? problemOf(error, undefined).status : 0,
      outcome: 'refused',
      error,
      durationMs: context.clock.now() - startedAt,
    });
  });
}

/**
 * Calls back when all calls that came over a connection have ended, at once if there are none: on HTTP/1.1 answers come in
 * the order of requests (RFC 9112, 9.3). Also when the connection has ended.
 */
export function afterCalls(context: EdgeContext, socket: Socket, then: () => void): void {
  const responder = socket.destroyed ? undefined : [...context.live].find((one) => one.socket === socket);
  if (responder === undefined) {
    then();
    return;
  }
  const { answer } = responder;
  // Where Node has let go of the connection, nobody else tells the answer that it may go on.
  const onDrain = () => {
    if (answer.socket === socket) answer.emit('drain');
  };
  const onClose = () => {
    socket.off('drain', onDrain).off('close', onClose);
    answer.off('close', onClose);
    afterCalls(context, socket, then);
  };
  socket.on('drain', onDrain).on('close', onClose);
  answer.on('close', onClose);
}
