/** Units of the policy file: durations, sizes and ratios are written as people say them and read here. */

const NUMBER = '\\d{1,12}(?:\\.\\d{1,9})?';
const DURATION = `(?:${NUMBER}h)?(?:${NUMBER}m(?!s))?(?:${NUMBER}s)?(?:${NUMBER}ms)?$`;

/** A duration: one or more numbers with a unit, largest first, e.g. `250ms`, `3s`, `1m30s`, `1h`. */
export const DURATION_PATTERN = `^(?=\\d)${DURATION}`;

/** A duration above zero. */
export const POSITIVE_DURATION_PATTERN = `^(?=\\d)(?=.*[1-9])${DURATION}`;

/** A size in bytes with a unit: `64KiB`, `2MB`, `512B`. */
export const SIZE_PATTERN = `^${NUMBER}(?:B|kB|KB|MB|GB|KiB|MiB|GiB)$`;

/** A size above zero. */
export const POSITIVE_SIZE_PATTERN = `^(?=[\\d.]*[1-9])${SIZE_PATTERN.slice(1)}`;

/** A share: `50%` or, as a number, `0.5`. */
export const PERCENT_PATTERN = `^${NUMBER}%$`;

const MS_PER: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

const BYTES_PER: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** Milliseconds of a duration such as `1m30s`. Throws a RangeError for anything else. */
export function parseDuration(text: string): number {
  if (!new RegExp(DURATION_PATTERN).test(text)) {
    throw new RangeError(`'${text}' is not a duration: write a number with a unit, such as 250ms, 3s, 1m30s or 1h`);
  }
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)) total += Number(amount) * MS_PER[unit!]!;
  return total;
}

/** Bytes of a size such as `64KiB`. Throws a RangeError for anything else. */
export function parseSize(text: string): number {
  const match = new RegExp(SIZE_PATTERN).test(text) ? /^([\d.]+)([A-Za-z]+)$/.exec(text) : null;
  const factor = match === null ? undefined : BYTES_PER[match[2]!];
  if (match === null || factor === undefined) {
    throw new RangeError(`'${text}' is not a size: write a number with a unit, such as 512B, 64KiB or 2MB`);
  }
  return Math.floor(Number(match[1]) * factor);
}

/** A ratio as a number: `50%` and `0.5` are both 0.5. Throws a RangeError for anything else. */
export function parseRatio(value: string | number): number {
  if (typeof value === 'number') {
    if (value >= 0 && value < Infinity) return value;
  } else if (new RegExp(PERCENT_PATTERN).test(value)) {
    return Number(value.slice(0, -1)) / 100;
  }
  throw new RangeError(`'${value}' is not a ratio: write 0.5 or 50%`);
}
