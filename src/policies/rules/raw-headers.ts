import type { ResponseHeaders } from '../policy.js';

/** Headers as undici gives them: [name, value, …], or by name. */
type Source = readonly (Buffer | string)[] | Readonly<Record<string, string | readonly string[] | undefined>>;

/** Headers as texts, [name, value, …]; bytes are taken as latin1, as they are on the wire. */
export function headerTexts(source: Source): string[] {
  const texts: string[] = [];
  if (isRaw(source)) {
    for (const part of source) texts.push(typeof part === 'string' ? part : part.toString('latin1'));
    return texts;
  }
  for (const [name, value] of Object.entries(source)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'string' ? [value] : value) texts.push(name, one);
  }
  return texts;
}

/** Headers as undici gives parsed ones: names in lower case, a list where a name comes again. */
export function headersByName(texts: readonly string[]): ResponseHeaders {
  // A header may be named __proto__.
  const headers = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i + 1 < texts.length; i += 2) {
    const name = texts[i]!.toLowerCase();
    const value = texts[i + 1]!;
    const known = headers[name];
    if (known === undefined) headers[name] = value;
    // An upstream may send the same one ten thousand times: each is looked at once.
    else if (typeof known === 'string') headers[name] = [known, value];
    else known.push(value);
  }
  return headers;
}

/**
 * A header's value among texts, [name, value, …], by its name in lower case; joined where it comes again. For a few headers
 * of an answer this is cheaper than to parse them all.
 */
export function valueAmong(texts: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < texts.length; i += 2) {
    const text = texts[i]!;
    if (text.length !== name.length || text.toLowerCase() !== name) continue;
    found = found === undefined ? texts[i + 1] : `${found}, ${texts[i + 1]!}`;
  }
  return found;
}

function isRaw(source: Source): source is readonly (Buffer | string)[] {
  return Array.isArray(source);
}
