import type { TraceContext } from '../policies/trace.js';

/** W3C Trace Context, levels 1 and 2: which trace a request belongs to. */

/** Two digits each: the version, of which ff is forbidden, and the flags. A later version may have more behind a dash. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

const SAMPLED = 1;
const RANDOM = 2;

/** Undefined for what is not valid: then a trace begins here (3.2.2, 4.3). */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const match = text === undefined ? null : TRACEPARENT.exec(text);
  if (match === null) return undefined;
  const [, version, traceId = '', parentId = '', flagDigits = '', rest] = match;
  if (version === '00' && rest !== undefined) return undefined;
  const flags = Number.parseInt(flagDigits, 16);
  return { traceId, parentId, sampled: (flags & SAMPLED) !== 0, random: (flags & RANDOM) !== 0 };
}

const KEY = /^[a-z0-9][a-z0-9_\-*/]{0,255}(?:@[a-z0-9][a-z0-9_\-*/]{0,255})?$/;
/** Printable ASCII without comma and equals sign; not a space at the end. */
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

const MOST_MEMBERS = 32;

/** Characters that everybody has to pass on (3.3.1.5); a member longer than so many is the first to go beyond them. */
const MOST_CHARACTERS = 512;
const LONG_MEMBER = 128;

/**
 * The tracestate that goes on with a valid traceparent; undefined: none. One that is malformed is left out as a whole (3.3.1.3).
 * Of one that is too long, long members go first, then those at the end.
 */
export function passedTracestate(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const members = text
    .split(',')
    .map(withoutBlanksAround)
    .filter((member) => member !== '');
  const keys = new Set(members.map((member) => member.slice(0, Math.max(0, member.indexOf('=')))));
  if (members.length > MOST_MEMBERS || keys.size < members.length || !members.every(isMember)) return undefined;
  const passed = lengthOf(members) > MOST_CHARACTERS ? members.filter(({ length }) => length <= LONG_MEMBER) : members;
  while (lengthOf(passed) > MOST_CHARACTERS) passed.pop();
  return passed.length === 0 ? undefined : passed.join(',');
}

/** Step by step: a pattern for blanks at the end would begin anew at each of those in the middle. */
function withoutBlanksAround(member: string): string {
  let start = 0;
  let end = member.length;
  while (start < end && isBlank(member.charAt(start))) start++;
  while (end > start && isBlank(member.charAt(end - 1))) end--;
  return member.slice(start, end);
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t';
}

function isMember(member: string): boolean {
  const equals = member.indexOf('=');
  return equals > 0 && KEY.test(member.slice(0, equals)) && VALUE.test(member.slice(equals + 1));
}

function lengthOf(members: readonly string[]): number {
  return members.reduce((sum, { length }) => sum + length + 1, -1);
}
