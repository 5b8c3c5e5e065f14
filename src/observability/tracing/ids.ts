import type { Random } from '../../runtime/random.js';

/** Digits in hex. */
const TRACE_ID_DIGITS = 32;
const SPAN_ID_DIGITS = 16;

export function newTraceId(random: Random): string {
  return randomId(random, TRACE_ID_DIGITS);
}

export function newSpanId(random: Random): string {
  return randomId(random, SPAN_ID_DIGITS);
}

/** Nothing but zeros would be no id. */
function randomId(random: Random, digits: number): string {
  let id = '';
  while (id.length < digits)
    id += Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  return /[^0]/.test(id) ? id : `${id.slice(1)}1`;
}

/** The digits that OpenTelemetry's samplers draw by: the last 56 bits. */
const DRAWN_DIGITS = 14;

/**
 * Whether a trace that begins here is sampled: decided by its id, as OpenTelemetry's probability sampling does, so that all
 * who draw by the same id with the same share come to the same end.
 *
 * @param share from 0 to 1
 */
export function isDrawn(traceId: string, share: number): boolean {
  const drawn = Number.parseInt(traceId.slice(-DRAWN_DIGITS), 16) / 16 ** DRAWN_DIGITS;
  // The highest ids are rounded to 1.
  return share > 0 && drawn >= 1 - share;
}
