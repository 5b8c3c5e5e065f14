/** Asks the admin API, and says in plain words why it did not answer as wished. */
import type { CircuitShape, HistoryShape, RouteShape, UpstreamShape } from '../shapes.js';

export type { CircuitShape, HistoryShape, RouteShape, UpstreamShape } from '../shapes.js';

const TOKEN = 'outrigger-token';

/** An answer without, or longer than this, is none. In milliseconds. */
const TIMEOUT_MS = 10_000;

/** A refusal by the proxy. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(EXPLAINED[code] ?? detail);
  }
}

/** What to do about refusals that are not about the request itself. */
const EXPLAINED: Readonly<Record<string, string>> = {
  unauthorized: 'Changes need the admin token: admin.token of the policy file.',
  'not-loopback':
    'Without admin.token only peers on the same machine may see this. Set a token, or forward a port to it (ssh -L, kubectl port-forward).',
  'host-not-allowed':
    'This name is not one that the admin address answers to. Use its address or localhost, or add the name to admin.hosts.',
  'cross-origin': 'The browser says that this request comes from another site. Open the dashboard by its own address.',
};

/** The token is kept as long as the tab, and by nobody else. */
export const token = {
  get: (): string | null => sessionStorage.getItem(TOKEN),
  set: (value: string): void => sessionStorage.setItem(TOKEN, value),
  forget: (): void => sessionStorage.removeItem(TOKEN),
};

interface Problem {
  readonly code?: string;
  readonly detail?: string;
  /** Mistakes; of a policy file with their places. */
  readonly errors?: readonly { path: string; message: string; file?: string; line?: number; column?: number }[];
}

function detailOf({ detail, errors = [] }: Problem): string | undefined {
  const lines = errors.flatMap(({ file, line, column, path, message }) =>
    file === undefined ? [] : `${file}:${line ?? 1}:${column ?? 1}: ${path}: ${message}`,
  );
  return lines.length === 0 ? detail : [detail, ...lines].join('\n');
}

async function ask(method: string, path: string, body?: object): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json' };
  const held = token.get();
  if (method !== 'GET' && held !== null) headers.authorization = `Bearer ${held}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(path, {
    method,
    headers,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as Problem;
  throw new Refused(response.status, problem.code ?? '', detailOf(problem) ?? `The answer was ${response.status}.`);
}

async function read<Answer>(path: string): Promise<Answer> {
  return (await (await ask('GET', path)).json()) as Answer;
}

export const api = {
  routes: () => read<RouteShape[]>('/api/routes'),
  circuits: () => read<CircuitShape[]>('/api/circuits'),
  upstreams: () => read<UpstreamShape[]>('/api/upstreams'),
  history: (route: string | undefined) =>
    read<HistoryShape>(`/api/history${route === undefined ? '' : `?route=${encodeURIComponent(route)}`}`),

  /** `ready`, or why calls are not taken: starting, draining. */
  async readiness(): Promise<string> {
    const response = await fetch('/readyz', { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return (await response.text()).trim();
  },

  async forceCircuits(upstream: string, change: { state: string; key?: string; ttl?: string }): Promise<void> {
    await ask('PUT', `/api/circuits/${encodeURIComponent(upstream)}`, change);
  },

  async resetCircuits(upstream: string, key: string | undefined): Promise<void> {
    const query = key === undefined ? '' : `?key=${encodeURIComponent(key)}`;
    await ask('DELETE', `/api/circuits/${encodeURIComponent(upstream)}${query}`);
  },

  async reload(): Promise<void> {
    await ask('POST', '/-/reload');
  },

  async switchRetries(change: { enabled: boolean; route?: string; ttl?: string }): Promise<void> {
    await ask('PUT', '/api/retries', change);
  },
};
