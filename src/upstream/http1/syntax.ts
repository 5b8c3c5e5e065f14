/** What header fields are made of (RFC 9110, 5.1 and 5.5; RFC 9112, 2.2). */

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/** Names come again and again: what was worked out once is kept, for as many as an upstream can honestly have. */
const MOST_NAMES = 1_000;
const lowerCase = new Map<string, string>();

/** A field's name in lower case, or undefined if it is none. */
export function fieldName(name: string): string | undefined {
  const known = lowerCase.get(name);
  if (known !== undefined) return known;
  if (!TOKEN.test(name)) return undefined;
  const lower = name.toLowerCase();
  if (lowerCase.size < MOST_NAMES && name.length <= 64) lowerCase.set(name, lower);
  return lower;
}

/** A method is a token like a name, and may be any: `QUERY` is one. */
export function isMethod(text: string): boolean {
  return TOKEN.test(text);
}

/** Tabs, spaces and visible characters; bytes beyond ASCII stand for themselves. */
export function isFieldValue(text: string): boolean {
  return FIELD_VALUE.test(text);
}

/** A request target has no spaces and no control characters; what else it has is the server's business. */
export function isTarget(text: string): boolean {
  return TARGET.test(text);
}
