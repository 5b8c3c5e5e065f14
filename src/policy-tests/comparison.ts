import { parseDuration, parseRatio } from '../policies/rules/units.js';

/** What is compared, and how it is written. */
export type Quantity = 'count' | 'duration' | 'ratio';

/** What a test expects of a number: `< 1s`, `> 99%`, or the plain value. */
export interface Comparison {
  readonly operator: '<' | '<=' | '>' | '>=' | '=';
  /** A number, milliseconds or a share. */
  readonly value: number;
}

/** Half a millisecond: a plain duration is met to the millisecond, which is as people write it. */
const DURATION_SLACK = 0.5;
/** A share is a quotient, and hardly ever the number that was written to the last bit. */
const RATIO_SLACK = 1e-9;

/** Reads a comparison that its schema lets pass; throws a RangeError for others. */
export function parseComparison(written: string | number, quantity: Quantity): Comparison {
  const [, operator = '=', rest = ''] = /^\s*(<=|>=|<|>)?\s*(.*)$/.exec(String(written)) ?? [];
  return { operator: operator as Comparison['operator'], value: parseValue(rest.trim(), quantity) };
}

function parseValue(text: string, quantity: Quantity): number {
  if (quantity === 'duration') return parseDuration(text);
  const value = quantity === 'ratio' && text.endsWith('%') ? parseRatio(text) : Number(text);
  if (text === '' || !Number.isFinite(value)) throw new RangeError(`'${text}' is no number`);
  return value;
}

/** Whether `actual` is as expected; undefined (it never came) is as nobody expects. */
export function holds({ operator, value }: Comparison, actual: number | undefined, quantity: Quantity): boolean {
  if (actual === undefined) return false;
  switch (operator) {
    case '<':
      return actual < value;
    case '<=':
      return actual <= value;
    case '>':
      return actual > value;
    case '>=':
      return actual >= value;
    case '=': {
      const slack = quantity === 'duration' ? DURATION_SLACK : quantity === 'ratio' ? RATIO_SLACK : 0;
      return Math.abs(actual - value) <= slack;
    }
  }
}

/** A number as people write it in the file, exact enough to see why it is not what was expected. */
export function quantityText(actual: number | undefined, quantity: Quantity): string {
  if (actual === undefined) return 'never';
  if (quantity === 'duration') return durationText(actual);
  if (quantity === 'ratio') return `${short(actual * 100)}%`;
  return short(actual);
}

/** Milliseconds up to a second, then seconds: `63ms`, `1.25s`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${short(Math.round(ms * 100) / 100)}ms`;
  return `${short(Math.round(ms) / 1_000)}s`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
