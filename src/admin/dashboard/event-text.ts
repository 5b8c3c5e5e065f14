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
    about: about.filter((part) => part !== '').join(' · ') || (kind === 'reload' ? 'policy file' : 'all'),
    what: WHAT[kind](of, data),
    reason: reasonOf(kind, of),
  };
}

function reasonOf(kind: Kind, of: (name: string) => string): string {
  const reason = kind === 'change' ? '' : of('reason');
  if (reason !== '' || of('by') === '') return reason;
  return REASONS[of('by')] ?? `by ${of('by')}`;
}

/** What changes something by itself. */
const REASONS: Readonly<Record<string, string | undefined>> = { ttl: 'its time was over', file: 'the file changed' };

type Say = (of: (name: string) => string, data: EventData) => string;

/** From what to what, for how long. */
const change: Say = (of, { forMs }) => {
  const states = [of('from'), of('to')].filter((state) => state !== '').join(' → ');
  return typeof forMs === 'number' ? `${states}, for ${spanOf(forMs)} at most` : states;
};

/** Which routes, upstreams and settings another policy file has added, removed and changed. */
const reload: Say = (of, data) => {
  const { errors, settings, restart } = data;
  const changes = (['routes', 'upstreams'] as const).flatMap((kind) => {
    const ways = (['added', 'removed', 'changed'] as const).map((way) =>
      named(way, isMap(data[kind]) && data[kind][way]),
    );
    return named(
      kind,
      ways.filter((text) => text !== ''),
    );
  });
  const all = [...changes, named('settings', settings), named('at the next start only', restart)];
  const told = all.filter((text) => text !== '').join('; ');
  if (typeof errors === 'number') return `${of('to')}: ${plural(errors, 'mistake')}`;
  return told === '' ? of('to') : `${of('to')}: ${told}`;
};

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** `what a, b`; empty if there is none. */
function named(what: string, names: unknown): string {
  return Array.isArray(names) && names.length > 0 ? `${what} ${names.map(textOf).join(', ')}` : '';
}

const WHAT: Readonly<Record<Kind, Say>> = {
  circuit: change,
  retry: (of, { delayMs }) =>
    `attempt ${of('attempt')} of ${of('maxAttempts')}, again in ${typeof delayMs === 'number' ? duration(delayMs) : '–'}`,
  fallback: (of) => (of('result') === 'success' ? `${of('to')} answered` : `${of('to')} could not answer`),
  health: change,
  discovery: (of, { addresses }) =>
    Array.isArray(addresses) ? `${of('to')}: ${addresses.map(textOf).join(', ')}` : of('to'),
  reload,
  change: (of, data) => `${of('reason')}: ${change(of, data)}`,
  missed: (_of, { events }) => `${plural(Number(events), 'event')} came too fast, or too long ago, to be shown`,
};

function spanOf(ms: number): string {
  return ms < 10_000 ? duration(ms) : timeSpan(ms);
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
