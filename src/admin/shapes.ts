/**
 * What the admin API takes and gives. One schema is the TypeScript type, the check of what comes in, and what
 * /api/openapi.json says.
 */
import { Type, type Static, type TUnsafe } from '@sinclair/typebox';
import { choice, positiveDuration } from '../policies/rules/option-types.js';

function nullable<T extends string | number>(type: 'string' | 'number', description: string): TUnsafe<T | null> {
  return Type.Unsafe<T | null>({ type: [type, 'null'], description });
}

const closed = { additionalProperties: false } as const;
const share = (description: string) => Type.Number({ minimum: 0, description });
const count = (description: string) => Type.Integer({ minimum: 0, description });
const remainingMs = (description: string) => nullable<number>('number', description);

const CIRCUIT_STATES = ['closed', 'open', 'half-open', 'ramping', 'forced-open', 'forced-closed'] as const;

export const CircuitShape = Type.Object(
  {
    upstream: Type.String(),
    key: Type.String({ description: 'What the circuit stands for: an endpoint, unless circuitBreaker.key says else.' }),
    state: choice(CIRCUIT_STATES, undefined, 'The state it is in.'),
    since: Type.String({ format: 'date-time', description: 'When it came into this state.' }),
    failureRate: share('Of the attempts in the window, how many failed.'),
    slowCallRate: share('Of the attempts in the window, how many were slow.'),
    calls: count('Attempts in the window.'),
    remainingMs: remainingMs('How long the state lasts at most, in milliseconds; null: no end is set.'),
  },
  { description: 'One circuit.' },
);
export type CircuitShape = Static<typeof CircuitShape>;

export const RouteShape = Type.Object(
  {
    name: Type.String(),
    upstream: Type.String(),
    requestsPerSecond: share('Calls that ended, per second over the last minute.'),
    retryRatio: share('Retries per call over the last minute.'),
    failureRatio: share('Calls over the last minute that failed or were refused here, of all.'),
    p50Ms: nullable<number>('number', 'Half of the calls of the last minute took at most so long; null without calls.'),
    p99Ms: nullable<number>('number', '99 in 100 calls of the last minute took at most so long; null without calls.'),
    fallbacks: Type.Object(
      {
        stale: share('By the last good answer.'),
        upstream: share('By another upstream.'),
        response: share('By a fixed answer.'),
      },
      { description: 'Calls over the last minute that a fallback answered, of all, by what it was.' },
    ),
    retriesEnabled: Type.Boolean({ description: "The operator's switch for retries and hedges." }),
    retriesRemainingMs: remainingMs(
      'When they are on again by themselves, in milliseconds; null: never, or they are on.',
    ),
  },
  {
    description:
      'A route, and how it fares. Times are estimates from the buckets of request_duration_seconds; they and `fallbacks` count the last 55 to 60 seconds.',
  },
);
export type RouteShape = Static<typeof RouteShape>;

const column = (description: string) =>
  Type.Unsafe<(number | null)[]>({ type: 'array', items: { type: ['number', 'null'] }, description });

export const HistoryShape = Type.Object(
  {
    route: nullable<string>('string', 'The route; null: all calls, those that match no route included.'),
    startedAt: Type.String({ format: 'date-time', description: 'When the process began to take calls.' }),
    times: Type.Array(Type.Integer(), {
      description: 'When each step ended, the oldest first: milliseconds since the Unix epoch.',
    }),
    requestsPerSecond: Type.Array(Type.Number({ minimum: 0 }), { description: 'Calls that ended, per second.' }),
    failureRatio: column('Calls that failed or were refused here, of all.'),
    retryRatio: column('Retries per call.'),
    fallbackRatio: column('Calls that a fallback answered, of all.'),
    p50Ms: column('Half of the calls took at most so long.'),
    p99Ms: column('99 in 100 calls took at most so long.'),
  },
  {
    description:
      'The last 15 minutes in steps of five seconds, as far as the process has seen them: each list has an entry for each step, null where there was no call.',
  },
);
export type HistoryShape = Static<typeof HistoryShape>;

const EndpointShape = Type.Object({
  url: Type.String({ description: 'scheme://host:port, with #address where the name has several.' }),
  healthy: Type.Boolean({ description: 'What the health checks say; true without any.' }),
  inFlight: count('Attempts in flight, until their bodies end.'),
  circuit: Type.Unsafe<(typeof CIRCUIT_STATES)[number] | null>({
    enum: [...CIRCUIT_STATES, null],
    description: 'The worst state of its circuits; null where circuits are off or not per endpoint.',
  }),
});
type EndpointShape = Static<typeof EndpointShape>;

export const UpstreamShape = Type.Object(
  {
    name: Type.String(),
    endpoints: Type.Array(EndpointShape),
    inFlight: count('Attempts in flight.'),
    limit: nullable<number>('number', 'How many may be in flight, summed over the keys in use; null: no limit.'),
    queued: count('Attempts that wait for a place.'),
    retryBudget: Type.Unsafe<{ remaining: number } | null>({
      type: ['object', 'null'],
      properties: { remaining: count('Retries that still fit, by the most strained key.') },
      required: ['remaining'],
      description: 'null: there is no budget.',
    }),
    healthPanic: Type.Boolean({ description: 'So few endpoints are healthy that the checks are not believed.' }),
  },
  { description: 'An upstream, its endpoints, and how full it is.' },
);
export type UpstreamShape = Static<typeof UpstreamShape>;

const ttl = (description: string) => Type.Optional(positiveDuration(undefined, description));

export const CircuitChange = Type.Object(
  {
    state: choice(['forced-open', 'forced-closed'], undefined, 'forced-open or forced-closed.'),
    ttl: ttl('How long, such as 5m, at most 168h; without it, until reset.'),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        description: "The circuit's key; without it, all of the upstream.",
      }),
    ),
  },
  { ...closed, description: 'Forces circuits.' },
);
export type CircuitChange = Static<typeof CircuitChange>;

export const RetriesChange = Type.Object(
  {
    enabled: Type.Boolean({ description: 'true or false.' }),
    ttl: ttl('How long they are off, such as 10m, at most 168h; without it, until switched on.'),
    route: Type.Optional(
      Type.String({ minLength: 1, maxLength: 1024, description: "The route's name; without it, all." }),
    ),
  },
  { ...closed, description: 'Switches retries and hedges.' },
);
export type RetriesChange = Static<typeof RetriesChange>;

export const RetriesShape = Type.Object(
  {
    route: Type.String(),
    enabled: Type.Boolean(),
    remainingMs: remainingMs('When they are on again by themselves, in milliseconds; null: never, or they are on.'),
  },
  { description: "A route's switch for retries and hedges." },
);
export type RetriesShape = Static<typeof RetriesShape>;

const logLevel = choice(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
  undefined,
  'trace, debug, info, warn, error, fatal or silent.',
);

export const LogChange = Type.Object(
  { level: logLevel, ttl: ttl('How long, such as 10m, at most 168h; without it, until changed again.') },
  { ...closed, description: 'Sets the log level.' },
);
export type LogChange = Static<typeof LogChange>;

export const LogShape = Type.Object(
  {
    level: logLevel,
    remainingMs: remainingMs("When the policy file's level returns, in milliseconds; null: no end is set."),
  },
  { description: 'The log level in force.' },
);
export type LogShape = Static<typeof LogShape>;

/** A change that takes no details. */
export const Nothing = Type.Object({}, { ...closed, description: 'No fields.' });

export const QuitShape = Type.Object(
  { draining: Type.Literal(true) },
  { description: 'Calls are still taken until none is in flight; then the process ends with 0.' },
);
export type QuitShape = Static<typeof QuitShape>;

const names = (description: string) =>
  Type.Unsafe<readonly string[]>({ type: 'array', items: { type: 'string' }, description });
const nameChanges = (what: string) =>
  Type.Object(
    { added: names('New names.'), removed: names('Names that are gone.'), changed: names('Names with other options.') },
    { description: `${what} that are not as they were.` },
  );

export const ReloadShape = Type.Object(
  {
    result: choice(['changed', 'unchanged'], undefined, 'unchanged: the file says what is in force already.'),
    routes: nameChanges('Routes'),
    upstreams: nameChanges('Upstreams'),
    settings: names('Keys of the whole process that are not as they were.'),
    restart: names('Keys that the file has changed and that take effect at the next start only.'),
  },
  { description: 'What a reload has changed.' },
);
export type ReloadShape = Static<typeof ReloadShape>;

export const ProblemShape = Type.Object(
  {
    type: Type.String({ format: 'uri' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: 'Stable.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          path: Type.String({ description: 'The field, or the key of the policy file; empty for the whole.' }),
          message: Type.String(),
          file: Type.Optional(Type.String({ description: 'The policy file, where it is what is wrong.' })),
          line: Type.Optional(Type.Integer({ minimum: 1 })),
          column: Type.Optional(Type.Integer({ minimum: 1 })),
          suggestion: Type.Optional(Type.String({ description: 'What to write instead.' })),
        }),
      ),
    ),
  },
  { description: 'A problem document (RFC 9457).' },
);

const maybe = (description: string) => nullable<string>('string', description);

export const EventShape = Type.Object(
  {
    time: Type.String({ format: 'date-time' }),
    upstream: maybe('The upstream it is about.'),
    route: maybe('The route it is about.'),
    from: maybe('What was before.'),
    to: maybe('What is now: a state, a health, the fallback that was tried.'),
    reason: maybe('Why: what failed, what was seen, or for a change what it changed.'),
  },
  {
    description:
      "The data of an event: circuit, retry, fallback, health, discovery, reload or change. Each kind has more keys of its own: a circuit's key, an endpoint, an attempt's number, who changed something.",
  },
);
export type EventShape = Static<typeof EventShape>;
