import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { CallOptions } from '../../policies/policy.js';
import { unsendable } from './request-head.js';

/** Content of up to so many bytes is written in one piece with its head. */
const ONE_PIECE_BYTES = 4 * 1024;

/**
 * Content that is wholly in memory; undefined for none, and for a stream (RequestBodyWriter).
 *
 * @throws OutriggerError `bad-request` for a body of a kind that can't be sent
 */
export function bytesOf(body: CallOptions['body']): Buffer | undefined {
  if (body === null || body === undefined || body instanceof Readable) return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  throw unsendable('a body of this kind');
}

/** Writes a request's head, and the content that is in memory: one packet where it can be. */
export function writeRequest(socket: Socket, head: string, bytes: Buffer | undefined): void {
  if (bytes === undefined || bytes.length === 0) {
    socket.write(head, 'latin1');
  } else if (bytes.length <= ONE_PIECE_BYTES) {
    socket.write(head + bytes.toString('latin1'), 'latin1');
  } else {
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(bytes);
    socket.uncork();
  }
}
