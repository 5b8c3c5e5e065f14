import type { ServerResponse } from 'node:http';
import { readResponseHeaders, type ResponseHeadersSource } from './headers.js';

/**
 * Passes an interim answer on: 102 and 103. 100 was answered here, and any other would need an agreement to make sense. An
 * app that does not read gets none: they would pile up here.
 */
export function sendInterim(response: ServerResponse, status: number, headers: readonly string[]): void {
  if (response.socket === null || response.socket.writableNeedDrain) return;
  if (status === 102) {
    response.writeProcessing();
    return;
  }
  if (status === 103) response.socket.write(hints(headers), 'latin1');
}

/**
 * Node's own way to write hints checks each link by a pattern whose time doubles with each parameter of one that it does not
 * understand: a few dozen of them would stop the process for good. And it refuses lists of links, and hints of other kinds.
 */
function hints(headers: readonly string[]): string {
  let text = 'HTTP/1.1 103 Early Hints\r\n';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    const value = headers[i + 1]!;
    // There is no content that could have a length (RFC 9110, 8.6).
    if (name.toLowerCase() === 'content-length') continue;
    // A folded line would let the upstream write headers of its own choice.
    if (!/[\r\n]/.test(value)) text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

/** Fields that are not allowed in a trailer section since they frame or route the message (RFC 9110, 6.5.1). */
const NOT_TRAILERS = new Set([
  'content-length',
  'host',
  'trailer',
  'content-encoding',
  'content-type',
  'content-range',
]);

/** Trailers as [name, value] pairs, without those that belong to the connection. */
export function readTrailers(source: ResponseHeadersSource): [string, string][] {
  const flat = readResponseHeaders(source);
  const pairs: [string, string][] = [];
  for (let i = 0; i < flat.length; i += 2) {
    if (!NOT_TRAILERS.has(flat[i]!.toLowerCase())) pairs.push([flat[i]!, flat[i + 1]!]);
  }
  return pairs;
}

/**
 * Takes out Trailer where the answer will have no chunks to put trailers behind, which Node refuses to announce; and
 * Content-Length of a 204, which must have none (RFC 9110, 8.6).
 */
export function withoutTrailer(headers: string[], status: number, unchunked: boolean): string[] {
  let trailer = false;
  let length = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (name.length === 7 && name.toLowerCase() === 'trailer') trailer = true;
    else if (name.length === 14 && name.toLowerCase() === 'content-length') length = true;
  }
  const dropTrailer = trailer && (unchunked || length);
  const dropLength = length && status === 204;
  if (!dropTrailer && !dropLength) return headers;
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if ((dropTrailer && name === 'trailer') || (dropLength && name === 'content-length')) continue;
    kept.push(headers[i]!, headers[i + 1]!);
  }
  return kept;
}
