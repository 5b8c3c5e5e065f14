import type { IncomingMessage, ServerResponse } from 'node:http';
import { OutriggerError } from '../errors.js';
import type { CallEvent } from '../policies/events.js';
import type { Clock } from '../runtime/clock.js';
import { closeGently } from './connection.js';
import { endWith } from './edge-response.js';
import { hasBody, headerOf } from './headers.js';
import { problemOf } from './problem.js';
import { callWithoutRoute, pathOf } from './refusal.js';

/** Beyond the process's own bounds. One for all: it has no stack worth making. */
export const SHEDDING = new OutriggerError('shedding', 'the process is at its own bounds');

const { status, headers, body } = problemOf(SHEDDING, undefined);
const CLOSING = [...headers, 'connection', 'close'];

/**
 * Answers `shedding` to a request that nobody has looked at. It must cost next to nothing, or refusing would itself be what
 * the process is busy with: no route is looked for, and the answer lies ready.
 *
 * @param close whether the connection is not wanted any more
 */
export function shed(request: IncomingMessage, response: ServerResponse, close: boolean, clock: Clock): void {
  const header = (name: string) => headerOf(request.rawHeaders, name);
  const unread = hasBody({
    contentLength: header('content-length'),
    transferEncoding: header('transfer-encoding'),
  });
  response.writeHead(status, close || unread ? CLOSING : headers);
  if (unread) closeGently(request, response, clock);
  if (request.method === 'HEAD') response.end();
  else endWith(response, body);
}

/** The end of a call that was answered so. */
export function shedCall(request: IncomingMessage, clock: Clock): CallEvent {
  return {
    type: 'call',
    call: callWithoutRoute({
      method: request.method ?? '',
      path: pathOf(request),
      startedAt: clock.now(),
      header: (name) => headerOf(request.rawHeaders, name),
    }),
    status,
    outcome: 'refused',
    error: SHEDDING,
    durationMs: 0,
  };
}
