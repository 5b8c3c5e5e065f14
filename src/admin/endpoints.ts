import type { TObject } from '@sinclair/typebox';
import { parseDuration } from '../policies/rules/units.js';
import type { ChangeName } from '../observability/operator-change.js';
import { checked, invalid } from './body.js';
import type { Operations } from './operations.js';
import { CircuitChange, LogChange, Nothing, RetriesChange } from './shapes.js';

/** A request that may be answered. */
export interface Request {
  /** The upstream in the path, where it has one. */
  readonly upstream: string;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
  /** The peer's address. */
  readonly by: string;
}

/** What a method does at a path. */
export interface Action {
  /** What it changes; reads have none. */
  readonly change?: ChangeName;
  /** Query parameters that it knows. */
  readonly query?: readonly string[];
  /** The answer's status; 200 if left out. */
  readonly status?: number;
  /** The answer's JSON. */
  answer(operations: Operations, request: Request): unknown;
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** All that the API answers with JSON, by path and method. */
export const ENDPOINTS: Readonly<Record<string, Partial<Readonly<Record<Method, Action>>>>> = {
  '/api/routes': { GET: { answer: (operations) => operations.routes() } },
  '/api/history': {
    GET: { query: ['route'], answer: (operations, { query }) => operations.history(query.get('route') ?? undefined) },
  },
  '/api/upstreams': { GET: { answer: (operations) => operations.upstreams() } },
  '/api/circuits': { GET: { answer: (operations) => operations.circuits() } },
  '/api/config': { GET: { answer: (operations) => operations.config() } },
  '/api/circuits/{upstream}': {
    PUT: {
      change: 'circuits',
      answer(operations, { upstream, body, by }) {
        const { state, ttl, key } = bodyAs(CircuitChange, body);
        return operations.forceCircuits(upstream, { state, ttlMs: ttlMs(ttl), key }, by);
      },
    },
    DELETE: {
      change: 'circuits',
      query: ['key'],
      answer(operations, { upstream, query, body, by }) {
        nothing(body);
        return operations.resetCircuits(upstream, query.get('key') ?? undefined, by);
      },
    },
  },
  '/api/retries': {
    PUT: {
      change: 'retries',
      answer(operations, { body, by }) {
        const { enabled, ttl, route } = bodyAs(RetriesChange, body);
        return operations.switchRetries({ enabled, ttlMs: ttlMs(ttl), route }, by);
      },
    },
  },
  '/api/log': {
    PUT: {
      change: 'log',
      answer(operations, { body, by }) {
        const { level, ttl } = bodyAs(LogChange, body);
        return operations.setLogLevel({ level, ttlMs: ttlMs(ttl) }, by);
      },
    },
  },
  '/-/quit': {
    POST: {
      change: 'quit',
      status: 202,
      answer(operations, { body, by }) {
        nothing(body);
        operations.quit(by);
        return { draining: true };
      },
    },
  },
  '/-/reload': {
    POST: {
      change: 'reload',
      answer(operations, { body, by }) {
        nothing(body);
        return operations.reload(by);
      },
    },
  },
};

/** A week: what is to stay longer belongs in the policy file. */
const MAX_TTL_MS = 7 * 24 * 3_600_000;

function ttlMs(text: string | undefined): number {
  if (text === undefined) return Infinity;
  const ms = parseDuration(text);
  if (ms > MAX_TTL_MS) throw invalid([{ path: 'ttl', message: `found "${text}"; allowed: at most 168h` }]);
  return ms;
}

function bodyAs<Schema extends TObject>(schema: Schema, body: unknown) {
  if (body === undefined) throw invalid([{ path: '', message: 'a body is missing' }]);
  return checked(schema, body);
}

/** What takes no details must not be given any: who names a key in the wrong place would change all. */
function nothing(body: unknown): void {
  if (body !== undefined) checked(Nothing, body);
}
