const ENCODED = /%[0-9a-f]{2}/gi;
const UNRESERVED = /[A-Za-z0-9\-._~]/;

/**
 * A path as it is compared: characters that need no encoding (RFC 3986, 2.3) stand for themselves however they are written,
 * and hexadecimal digits are in upper case (6.2.2.1, 6.2.2.2). Decoded once, and nothing else: an encoded slash is no slash,
 * `%2541` is no `A`, and `%zz` stays what it is. What is sent on is the path as it came.
 */
export function normalizePath(path: string): string {
  return path.includes('%') ? path.replace(ENCODED, normalizeEncoded) : path;
}

function normalizeEncoded(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
  return UNRESERVED.test(character) ? character : encoded.toUpperCase();
}
