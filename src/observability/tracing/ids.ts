import type { Random } from '../../runtime/random.js';

/** In bytes. */
const TRACE_ID_LENGTH = 16;
const SPAN_ID_LENGTH = 8;

export function newTraceId(random: Random): string {
  return randomId(random, TRACE_ID_LENGTH);
}

export function newSpanId(random: Random): string {
  return randomId(random, SPAN_ID_LENGTH);
}

/** One for all: hex is made of it in one go, several times as fast as number by number. */
const bytes = Buffer.alloc(TRACE_ID_LENGTH);

/** Nothing but zeros would be no id. */
function randomId(random: Random, length: number): string {
  let any = 0;
  for (let at = 0; at < length; at += 4) {
    const drawn = Math.floor(random() * 0x1_0000_0000);
    bytes.writeUInt32BE(drawn, at);
    any |= drawn;
  }
  if (any === 0) bytes[length - 1] = 1;
  return bytes.toString('hex', 0, length);
}

/** The digits that OpenTelemetry's samplers draw by: the last 56 bits. */
const DRAWN_DIGITS = 14;

/**
 * The least that the last 56 bits of an id have to be for its trace to be sampled, in hex.
 *
 * @param share from 0 to 1
 */
export function thresholdOf(share: number): string {
  // Behind all digits, so that none is drawn.
  if (1 - share >= 1) return 'none';
  return Math.ceil((1 - share) * 16 ** DRAWN_DIGITS)
    .toString(16)
    .padStart(DRAWN_DIGITS, '0');
}

/**
 * Whether a trace that begins here is sampled: decided by its id, as OpenTelemetry's probability sampling does, so that all
 * who draw by the same id with the same share come to the same end.
 */
export function isDrawn(traceId: string, threshold: string): boolean {
  return traceId.slice(-DRAWN_DIGITS) >= threshold;
}
