/**
 * The building blocks of every policy's option schema. A property with a `default` is required in the TypeScript type
 * and may be left out of the file: the config fills it in. `unit` says what kind of value it is, for error messages and
 * the reference table; it is no JSON Schema keyword and does not appear in the published schema.
 */
import { Type, type TUnsafe } from '@sinclair/typebox';
import {
  DURATION_PATTERN,
  PERCENT_PATTERN,
  POSITIVE_DURATION_PATTERN,
  POSITIVE_SIZE_PATTERN,
  SIZE_PATTERN,
} from './units.js';

/** The kinds of values that error messages and the reference table speak of. */
export type Unit =
  | 'duration'
  | 'positive-duration'
  | 'duration-or-off'
  | 'duration-or-percentile'
  | 'percentile'
  | 'size'
  | 'positive-size'
  | 'ratio'
  | 'rate'
  | 'count-comparison'
  | 'duration-comparison'
  | 'ratio-comparison'
  | 'text'
  | 'name'
  | 'header-value'
  | 'class'
  | 'status-range'
  | 'header-name'
  | 'method'
  | 'key-template'
  | 'address'
  | 'host-pattern'
  | 'origin'
  | 'url'
  | 'path-pattern'
  | 'path'
  | 'path-prefix'
  | 'file';

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

/** A header's name or a method (RFC 9110 5.6.2, token). */
const TOKEN_PATTERN = `^${TOKEN}$`;

/** A header's value without line breaks or other control characters (RFC 9110 5.5). */
const HEADER_VALUE_PATTERN = '^[\\t\\u0020-\\u007e\\u0080-\\u00ff]*$';

/** A key template: text with any of {endpoint}, {upstream}, {route} and {header:name} in it. */
const KEY_TEMPLATE_PATTERN = `^(?:[^{}]|\\{(?:endpoint|upstream|route|header:${TOKEN})\\})+$`;

const STATUS = '[1-5][0-9][0-9]|[1-5]xx';

/** `default`, if there is one; an undefined default must not appear in the schema. */
function withDefault<T>(value: T | undefined): { default?: T } {
  return value === undefined ? {} : { default: value };
}

/** A duration such as `250ms`; `0s` is allowed. */
export function duration(defaultValue: string | undefined, description: string) {
  return Type.String({ description, ...withDefault(defaultValue), unit: 'duration', pattern: DURATION_PATTERN });
}

/** A duration above zero. */
export function positiveDuration(defaultValue: string | undefined, description: string) {
  return Type.String({
    description,
    ...withDefault(defaultValue),
    unit: 'positive-duration',
    pattern: POSITIVE_DURATION_PATTERN,
  });
}

/** A duration above zero, or `off`. */
export function durationOrOff(defaultValue: string, description: string) {
  const pattern = `^off$|${POSITIVE_DURATION_PATTERN}`;
  return Type.String({ description, default: defaultValue, unit: 'duration-or-off', pattern });
}

const PERCENTILE = 'p[1-9][0-9]?(?:\\.[0-9]{1,3})?';

/** A percentile such as `p95`. */
export function percentile(defaultValue: string, description: string) {
  return Type.String({ description, default: defaultValue, unit: 'percentile', pattern: `^${PERCENTILE}$` });
}

/** The share that a percentile stands for, 0.95 for `p95`; undefined for what is none. */
export function percentileShare(text: string): number | undefined {
  const digits = /^p([\d.]+)$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits) / 100;
}

/** A duration, or a percentile such as `p95`. */
export function durationOrPercentile(defaultValue: string, description: string) {
  const pattern = `^${PERCENTILE}$|${DURATION_PATTERN}`;
  return Type.String({ description, default: defaultValue, unit: 'duration-or-percentile', pattern });
}

/** A size in bytes such as `64KiB`. */
export function size(defaultValue: string, description: string) {
  return Type.String({ description, default: defaultValue, unit: 'size', pattern: SIZE_PATTERN });
}

/** A size above zero. */
export function positiveSize(defaultValue: string, description: string) {
  return Type.String({ description, default: defaultValue, unit: 'positive-size', pattern: POSITIVE_SIZE_PATTERN });
}

/** A share: a number from 0, or a percentage such as `50%`. */
export function ratio(defaultValue: string | undefined, description: string): TUnsafe<string | number> {
  return Type.Unsafe<string | number>({
    description,
    ...withDefault(defaultValue),
    unit: 'ratio',
    type: ['number', 'string'],
    minimum: 0,
    pattern: PERCENT_PATTERN,
  });
}

/** More of anything is a slip of the keyboard, and could be more than memory has places for. */
const MOST = 1_000_000_000;

/** A whole number within bounds. */
export function integer(
  defaultValue: number | undefined,
  description: string,
  bounds: { readonly minimum: number; readonly maximum?: number },
) {
  return Type.Integer({ description, ...withDefault(defaultValue), maximum: MOST, ...bounds });
}

/** true or false. */
export function flag(defaultValue: boolean, description: string) {
  return Type.Boolean({ description, default: defaultValue });
}

/** One of a few words. */
export function choice<const T extends string>(
  values: readonly T[],
  defaultValue: T | undefined,
  description: string,
): TUnsafe<T> {
  return Type.Unsafe<T>({ description, ...withDefault(defaultValue), type: 'string', enum: [...values] });
}

/** enforce, or shadow: only report what it would have done. */
export function mode() {
  return choice(['enforce', 'shadow'], 'enforce', 'enforce, or shadow: only report what it would have done.');
}

/** A template whose values tell apart what is counted apart. */
export function keyTemplate(defaultValue: string, description: string) {
  return Type.String({ description, default: defaultValue, unit: 'key-template', pattern: KEY_TEMPLATE_PATTERN });
}

/** Request methods, in upper case. */
export function methods(defaultValue: readonly string[] | undefined, description: string) {
  return Type.Array(Type.String({ unit: 'method', pattern: '^[A-Z][A-Z0-9-]*$' }), {
    description,
    ...withDefault(defaultValue),
  });
}

/** Header names; they are compared without case. */
export function headerNames(defaultValue: readonly string[], description: string) {
  return Type.Array(Type.String({ unit: 'header-name', pattern: TOKEN_PATTERN }), {
    description,
    default: defaultValue,
  });
}

/** Header values by name. */
export function headerMap(defaultValue: Readonly<Record<string, string>> | undefined, description: string) {
  return Type.Record(
    Type.String({ pattern: TOKEN_PATTERN }),
    Type.String({ unit: 'header-value', pattern: HEADER_VALUE_PATTERN }),
    { description, ...withDefault(defaultValue), additionalProperties: false, keyUnit: 'header-name' },
  );
}

/**
 * Classes of results: the class names given, a status such as `503`, all of a hundred such as `5xx`, and
 * `retriable-header:NAME` if asked for. A bare 503 in the file arrives as the string '503'.
 */
export function classes(
  names: readonly string[],
  defaultValue: readonly string[],
  description: string,
  retriableHeader = false,
) {
  const header = retriableHeader ? `|retriable-header:${TOKEN}` : '';
  const pattern = `^(?:${names.join('|')}|${STATUS}${header})$`;
  const allowed = [...names, '503', '5xx', ...(retriableHeader ? ['retriable-header:x-retry'] : [])];
  return Type.Array(Type.String({ unit: 'class', pattern, allowed }), { description, default: defaultValue });
}

/** Statuses or ranges of them, such as `200-299`. A bare 200 in the file arrives as the string '200'. */
export function statusRanges(defaultValue: readonly string[], description: string) {
  return Type.Array(Type.String({ unit: 'status-range', pattern: '^[1-5][0-9][0-9](?:-[1-5][0-9][0-9])?$' }), {
    description,
    default: defaultValue,
    minItems: 1,
  });
}
