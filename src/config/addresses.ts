/** Where a server listens. Without a host: on all of the machine's addresses. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Reads `host:port`, `:port`, `[::1]:port` or `unix:/path`; undefined if it is none. Port 0 takes a free one. */
export function parseAddress(text: string): Address | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    // 107 bytes are what a socket's address holds on Linux.
    return path.startsWith('/') && Buffer.byteLength(path) <= 107 ? { kind: 'unix', path } : undefined;
  }
  const match = /^(?:\[([0-9A-Fa-f:.%a-z]+)\]|([A-Za-z0-9._-]*)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) return undefined;
  const host = match[1] ?? match[2];
  return { kind: 'tcp', host: host === '' ? undefined : host, port: Number(match[3]) };
}

/** The address as it is written in the file. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host ?? '';
  return `${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

/** What is wrong with an endpoint's URL, or its origin in normal form. */
export function parseOrigin(text: string): { readonly origin: string } | { readonly problem: string } {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { problem: 'is no URL' };
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return { problem: 'is neither http nor https' };
  if (url.username !== '' || url.password !== '') {
    return { problem: 'bears user information; set an authorization header under requestHeaders instead' };
  }
  if (url.pathname !== '/' || text.includes('?') || text.includes('#')) {
    return { problem: 'bears more than an origin; a path goes under rewrite.addPrefix' };
  }
  return url.port === '0' ? { problem: 'has port 0' } : { origin: url.origin };
}
