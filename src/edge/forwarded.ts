import type { CompiledEdits } from './header-edits.js';
import { withoutNames } from './header-edits.js';
import type { RequestHead } from './headers.js';

/** Our name in Via (RFC 9110, 7.6.3). */
const PSEUDONYM = 'outrigger';

/** More of our own Via than this is a loop: no one chains so many sidecars. */
const MAX_PASSES = 5;

/** Where a request came from, for those behind us. */
export interface Sender {
  /** The app's address; undefined on a Unix socket. */
  readonly address: string | undefined;
  readonly host: string;
  readonly httpVersion: string;
}

/**
 * Via, X-Forwarded-* and Forwarded (RFC 7239): what the app sent with ours added, as [name, value, …]. X-Forwarded-Proto
 * and X-Forwarded-Host say how the outermost client spoke, so what the app says about them stays.
 */
export function forwardedHeaders(head: RequestHead, sender: Sender, edits: CompiledEdits): readonly string[] {
  const address = sender.address?.replace(/^::ffff:/, '') ?? 'unknown';
  const node = address.includes(':') ? `"[${address}]"` : address;
  const element = `for=${node};host="${sender.host}";proto=http`;
  const headers = [
    'Via',
    [...head.via, `${sender.httpVersion} ${PSEUDONYM}`].join(', '),
    'X-Forwarded-For',
    [...head.forwardedFor, address].join(', '),
    'X-Forwarded-Proto',
    head.forwardedProto ?? 'http',
    'X-Forwarded-Host',
    head.forwardedHost ?? sender.host,
    'Forwarded',
    [...head.forwarded, element].join(', '),
  ];
  return edits.drop.size === 0 ? headers : withoutNames(headers, edits.drop);
}

/** Whether the request has passed us so often that it goes round in circles. */
export function isLoop(via: readonly string[]): boolean {
  if (via.length === 0) return false;
  let passes = 0;
  for (const element of via.join(',').split(',')) {
    if (element.trim().split(/\s+/, 2)[1]?.toLowerCase() === PSEUDONYM) passes++;
  }
  return passes > MAX_PASSES;
}
