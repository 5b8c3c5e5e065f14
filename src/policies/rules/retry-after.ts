const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC850_DATE = /^[A-Z][a-z]+day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** The headers of an answer, by their names in lower case. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Milliseconds that an answer's Retry-After asks to wait (RFC 9110, 10.2.3: seconds or an HTTP date, in any of the three
 * forms of 5.6.7). Undefined for a date that has passed and for anything that is neither. A date counts from the answer's
 * own Date, so that neither clock need be right; without one, from `wallNow`.
 */
export function parseRetryAfter(headers: Headers, wallNow: number): number | undefined {
  const text = first(headers['retry-after']);
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const at = parseHttpDate(text);
  if (Number.isNaN(at)) return undefined;
  const sentAt = parseHttpDate(first(headers.date) ?? '');
  const delay = at - (Number.isNaN(sentAt) ? wallNow : sentAt);
  return delay > 0 ? delay : undefined;
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return (typeof value === 'string' ? value : value?.[0])?.trim();
}

function parseHttpDate(text: string): number {
  if (IMF_FIXDATE.test(text) || RFC850_DATE.test(text)) return Date.parse(text);
  if (ASCTIME_DATE.test(text)) return Date.parse(`${text} GMT`);
  return Number.NaN;
}
