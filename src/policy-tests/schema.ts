import { type Static, Type, type TUnsafe } from '@sinclair/typebox';
import { jsonSchema } from '../config/json-schema.js';
import {
  choice,
  duration,
  headerMap,
  integer,
  methods,
  positiveDuration,
  type Unit,
} from '../policies/rules/option-types.js';
import { SUPPRESSED_REASONS } from '../policies/events.js';
import { DURATION_PATTERN } from '../policies/rules/units.js';

const closed = { additionalProperties: false } as const;

const OPERATOR = '^(?:<=|>=|<|>)?\\s*';
const NUMBER = '\\d{1,12}(?:\\.\\d{1,9})?';

function comparison(unit: Unit, rest: string, description: string, maximum?: number): TUnsafe<string | number> {
  const most = maximum === undefined ? {} : { maximum };
  const type = ['number', 'string'];
  return Type.Unsafe<string | number>({ description, unit, type, minimum: 0, ...most, pattern: `${OPERATOR}${rest}` });
}

const count = (description: string) => comparison('count-comparison', `${NUMBER}$`, description);
const share = (description: string) => comparison('ratio-comparison', `${NUMBER}%?$`, description, 1);

function time(description: string) {
  const pattern = `${OPERATOR}${DURATION_PATTERN.slice(1)}`;
  return Type.String({ description, unit: 'duration-comparison', pattern });
}

const text = (description: string) => Type.String({ description, unit: 'text' });
const name = (description: string) => Type.String({ description, unit: 'text', minLength: 1 });

/** What names an upstream, an endpoint or a circuit. The bundle leaves out TypeBox's own pattern for any text. */
const anyName = Type.String({ pattern: '^.+$' });

const status = (description: string) => integer(undefined, description, { minimum: 200, maximum: 599 });

const AnswerSchema = Type.Union([
  status('A status, answered at once.'),
  choice(
    ['reset', 'refuse', 'hang'],
    undefined,
    'The connection breaks before the head, none is made, or no head ever comes.',
  ),
  Type.Object(
    {
      status: status('The status.'),
      after: duration('0s', 'Until the head.'),
      headers: headerMap({}, 'The headers.'),
      body: { ...text('The body.'), default: '' },
    },
    closed,
  ),
]);

const answers = (description: string) => Type.Array(AnswerSchema, { description, minItems: 1 });

const ScriptSchema = Type.Union([
  answers('One entry an attempt of a call; the last repeats.'),
  Type.Record(Type.String({ pattern: DURATION_PATTERN }), answers('What it does from then on.'), {
    ...closed,
    minProperties: 1,
    keyUnit: 'duration',
  }),
]);

const RequestSchema = Type.Object(
  {
    method: { ...methods(undefined, '').items, description: 'The method.', default: 'GET' },
    path: Type.String({
      description: 'The path with its query, or a whole http URL.',
      default: '/',
      pattern: '^(?:/|https?://)[\\u0021-\\u007e]*$',
      allowed: ['a path that starts with /', 'a whole http URL'],
    }),
    headers: headerMap({}, 'The headers; without a host it is localhost.'),
    body: { ...text('The body.'), default: '' },
  },
  { ...closed, description: 'What the app asks for.', explicit: true },
);

const LoadSchema = Type.Object(
  {
    rate: Type.String({
      description: 'Calls in a time, such as 200/s.',
      unit: 'rate',
      pattern: `^${NUMBER}/(?:s|m|h)$`,
    }),
    for: positiveDuration(undefined, 'How long calls come in.'),
    arrivals: choice(['regular', 'poisson'], 'regular', 'Whether they come evenly or by chance.'),
    request: RequestSchema,
  },
  { ...closed, description: 'Many calls.' },
);

const circuitState = choice(
  ['closed', 'open', 'half-open', 'ramping', 'none'],
  undefined,
  "At the end, of every circuit of the route's upstream; none: there is no circuit.",
);

const forBoth = {
  circuit: Type.Optional(
    Type.Union([circuitState, Type.Record(anyName, circuitState, { minProperties: 1 })], {
      description: "The state at the end, of every circuit of the route's upstream, or by circuit.",
    }),
  ),
  suppressed: Type.Optional(
    choice(
      [...SUPPRESSED_REASONS, 'none'],
      undefined,
      'Why a retry that was wanted was not made; none: there was none such.',
    ),
  ),
  upstreamCalls: Type.Optional(
    Type.Union([
      count('Attempts that reached an upstream, all together.'),
      Type.Record(anyName, count('Attempts that reached it.'), { minProperties: 1 }),
    ]),
  ),
};

const ExpectOfCall = Type.Object(
  {
    status: Type.Optional(count('What the app was answered.')),
    attempts: Type.Optional(count('Attempts that were made, hedges included.')),
    elapsed: Type.Optional(time('From the call to the end of its answer.')),
    body: Type.Optional(text('The whole body.')),
    headers: Type.Optional(headerMap(undefined, 'Headers that the answer must have, with exactly these values.')),
    fallback: Type.Optional(
      choice(['none', 'stale', 'upstream', 'response'], undefined, 'Which fallback step answered.'),
    ),
    ...forBoth,
  },
  { ...closed, description: 'What must hold at the end.', minProperties: 1, explicit: true },
);

const ExpectOfLoad = Type.Object(
  {
    elapsed: Type.Optional(time('Of every call, from it to the end of its answer.')),
    success: Type.Optional(share('Answered below 500 and not refused here, fallbacks included.')),
    successWithoutFallback: Type.Optional(share('As success, without what a fallback answered.')),
    attemptsPerCall: Type.Optional(count('Attempts that reached an upstream, per call.')),
    recovery: Type.Optional(
      time("From the last change of an upstream's schedule to the end of the last call that failed or fell back."),
    ),
    ...forBoth,
  },
  { ...closed, description: 'What must hold at the end.', minProperties: 1, explicit: true },
);

const forEach = {
  name: name('Says what must be.'),
  upstreams: Type.Record(anyName, ScriptSchema, {
    description: "What upstreams do, by their name, or one endpoint's by its URL; what is left out answers 200.",
    default: {},
  }),
};

const CallTestSchema = Type.Object({ ...forEach, request: RequestSchema, expect: ExpectOfCall }, closed);
const LoadTestSchema = Type.Object({ ...forEach, load: LoadSchema, expect: ExpectOfLoad }, closed);

/** A file of policy tests with all its defaults filled in. */
export const TestFileSchema = Type.Object(
  {
    config: Type.String({ description: 'The policy file.', unit: 'file', minLength: 1 }),
    seed: integer(1, 'Chance is drawn from it: the same seed, the same run.', { minimum: 0, maximum: 4_294_967_295 }),
    tests: Type.Array(Type.Union([CallTestSchema, LoadTestSchema], { byKey: ['request', 'load'] }), {
      description: 'The tests; each begins with circuits closed and budgets full.',
      minItems: 1,
    }),
  },
  closed,
);
export type TestFile = Static<typeof TestFileSchema>;

export type AnswerOptions = Static<typeof AnswerSchema>;
export type ScriptOptions = Static<typeof ScriptSchema>;
export type RequestOptions = Static<typeof RequestSchema>;
export type LoadOptions = Static<typeof LoadSchema>;
export type CallTest = Static<typeof CallTestSchema>;
export type LoadTest = Static<typeof LoadTestSchema>;
export type PolicyTest = CallTest | LoadTest;
export type CallExpectations = CallTest['expect'];
export type LoadExpectations = LoadTest['expect'];

/** The JSON Schema of a file of policy tests. */
export function publishedTestSchema(): Record<string, unknown> {
  const description = 'What a policy file must do, as calls and loads in virtual time: `outrigger test FILE`.';
  return jsonSchema(TestFileSchema, 'Outrigger policy tests', description);
}
