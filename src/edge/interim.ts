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
  if (status !== 103) return;
  const hints: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    const known = hints[name];
    hints[name] = known === undefined ? headers[i + 1]! : [known, headers[i + 1]!].flat();
  }
  try {
    response.writeEarlyHints(hints);
  } catch {
    // Node passes only links that it understands. Hints may be lost: they are hints.
  }
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
