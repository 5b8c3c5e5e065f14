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
 * Via, X-Forwarded-For and, where the app speaks it, Forwarded (RFC 7239): what the app sent with ours added, as
 * [name, value, …]. X-Forwarded-Proto and -Host say how the outermost client spoke: what the app says about them goes on,
 * and that it asked a sidecar on localhost is nothing to add.
 */
export function forwardedHeaders(head: RequestHead, sender: Sender, edits: CompiledEdits): readonly string[] {
  const address = sender.address?.replace(/^::ffff:/, '') ?? 'unknown';
  const headers = [
    'Via',
    appended(head.via, `${sender.httpVersion} ${PSEUDONYM}`),
    'X-Forwarded-For',
    appended(head.forwardedFor, address),
  ];
  if (head.forwardedProto !== undefined) headers.push('X-Forwarded-Proto', head.forwardedProto);
  if (head.forwardedHost !== undefined) headers.push('X-Forwarded-Host', head.forwardedHost);
  if (head.forwarded.length > 0) {
    const node = address.includes(':') ? `"[${address}]"` : address;
    headers.push('Forwarded', appended(head.forwarded, `for=${node};host="${sender.host}";proto=http`));
  }
  return edits.drop.size === 0 ? headers : withoutNames(headers, edits.drop);
}

function appended(sent: readonly string[], ours: string): string {
  return sent.length === 0 ? ours : `${sent.join(', ')}, ${ours}`;
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
