import { Type } from '@sinclair/typebox';
import {
  CircuitChange,
  CircuitShape,
  EventShape,
  HistoryShape,
  LogChange,
  LogShape,
  Nothing,
  ProblemShape,
  QuitShape,
  ReloadShape,
  RetriesChange,
  RetriesShape,
  RouteShape,
  UpstreamShape,
} from './shapes.js';

/** Schemas that the description of the admin API names once and refers to. */
export const SCHEMAS = {
  Circuit: CircuitShape,
  CircuitChange,
  Event: EventShape,
  History: HistoryShape,
  Log: LogShape,
  LogChange,
  Nothing,
  Problem: ProblemShape,
  Quit: QuitShape,
  Reload: ReloadShape,
  Retries: RetriesShape,
  RetriesChange,
  Route: RouteShape,
  Upstream: UpstreamShape,
} as const;

type Name = keyof typeof SCHEMAS;

export const ref = (name: Name) => ({ $ref: `#/components/schemas/${name}` });
export const listOf = (name: Name) => ({ type: 'array', items: ref(name) });
export const json = (schema: object, type = 'application/json') => ({ content: { [type]: { schema } } });
export const text = (description: string, type = 'text/plain') => ({ description, ...json(Type.String(), type) });

const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'malformed-json: the body is not JSON.',
  401: 'unauthorized: the token is missing or wrong.',
  403: 'host-not-allowed, not-loopback or cross-origin: the sender may not ask this.',
  404: 'unknown-upstream: no upstream has the name.',
  409: 'no-circuit-breaker: the upstream has none. draining: the process is about to end.',
  413: 'body-too-large: more than 16 KiB.',
  415: 'unsupported-media-type: a body must be application/json.',
  422: 'invalid, invalid-policy-file: a value is wrong; `errors` says which.',
  501: 'not-implemented.',
  503: 'too-many-streams.',
};

/** Answers that are problem documents, by status. */
export function problems(...statuses: number[]) {
  const problem = json(ref('Problem'), 'application/problem+json');
  return Object.fromEntries(
    statuses.map((status) => [String(status), { description: PROBLEMS[status] ?? '', ...problem }]),
  );
}

const OF_CHANGES = [400, 401, 403, 413, 415, 422] as const;

/** A GET that anybody may ask. */
export function open(operationId: string, summary: string, responses: object) {
  return { operationId, summary, tags: ['open'], responses };
}

/** A GET for operators. */
export function read(operationId: string, summary: string, schema: object, more: object = {}) {
  const ok = { '200': { description: summary, ...json(schema) } };
  return { operationId, summary, tags: ['read'], ...more, responses: { ...ok, ...problems(403, 422) } };
}

interface Change {
  readonly operationId: string;
  readonly summary: string;
  /** `optional`: a body may be left out. */
  readonly body?: readonly [schema: Name, need: 'required' | 'optional'];
  readonly answer: object;
  readonly status?: number;
  readonly also?: readonly number[];
  readonly parameters?: readonly object[];
}

/** What changes something: with a token, where one is set. */
export function change({ operationId, summary, body, answer, status = 200, also = [], parameters = [] }: Change) {
  return {
    operationId,
    summary,
    tags: ['change'],
    security: [{}, { token: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: body[1] === 'required', ...json(ref(body[0])) } }),
    responses: {
      [String(status)]: { description: 'Done.', ...json(answer) },
      ...problems(...OF_CHANGES, ...also),
    },
  };
}

export const named = (name: string, description: string) => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: STRING,
});
export const query = (name: string, description: string, schema: object) => ({
  name,
  in: 'query',
  description,
  schema,
});
export const STRING = { type: 'string' };
