import { duration, plural, timeSpan } from './format.js';

/** What the feed tells of. `missed` is the feed's own: more happened than it keeps. */
export const KINDS = ['circuit', 'retry', 'fallback', 'health', 'discovery', 'reload', 'change', 'missed'] as const;
export type Kind = (typeof KINDS)[number];

/** The data of an event. Its texts may come from anybody: keys from calls, reasons from upstreams. */
export type EventData = Readonly<Record<string, unknown>>;

/** One event in words. */
export interface EventText {
  /** What it is about: a route or an upstream, and what of it. */
  readonly about: string;
  readonly what: string;
  readonly reason: string;
}

export function eventText(kind: Kind, data: EventData): EventText {
  const of = (name: string) => textOf(data[name]);
  const about = [of('route') || of('upstream'), of('endpoint') || of('key') || of('hostname')];
  return {
    about: about.filter((part) => part !== '').join(' · ') || 'all',
    what: WHAT[kind](of, data),
    reason: reasonOf(kind, of),
  };
}

function reasonOf(kind: Kind, of: (name: string) => string): string {
  if (kind !== 'change') return of('reason');
  return of('by') === 'ttl' ? 'its time was over' : `by ${of('by')}`;
}

type Say = (of: (name: string) => string, data: EventData) => string;

/** From what to what, for how long. */
const change: Say = (of, { forMs }) => {
  const states = [of('from'), of('to')].filter((state) => state !== '').join(' → ');
  return typeof forMs === 'number' ? `${states}, for ${spanOf(forMs)} at most` : states;
};

const WHAT: Readonly<Record<Kind, Say>> = {
  circuit: change,
  retry: (of, { delayMs }) =>
    `attempt ${of('attempt')} of ${of('maxAttempts')}, again in ${typeof delayMs === 'number' ? duration(delayMs) : '–'}`,
  fallback: (of) => (of('result') === 'success' ? `${of('to')} answered` : `${of('to')} could not answer`),
  health: change,
  discovery: (of, { addresses }) =>
    Array.isArray(addresses) ? `${of('to')}: ${addresses.map(textOf).join(', ')}` : of('to'),
  reload: change,
  change: (of, data) => `${of('reason')}: ${change(of, data)}`,
  missed: (_of, { events }) => `${plural(Number(events), 'event')} came too fast, or too long ago, to be shown`,
};

function spanOf(ms: number): string {
  return ms < 10_000 ? duration(ms) : timeSpan(ms);
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
