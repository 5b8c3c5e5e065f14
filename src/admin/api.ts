import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ChangeName, ChangeResult } from '../observability/operator-change.js';
import { isLoopback, refusalOf, type AccessRules } from './access.js';
import { invalid, readJson } from './body.js';
import { dashboard, wantsPage } from './dashboard-page.js';
import { ENDPOINTS, type Action, type Request } from './endpoints.js';
import type { EventStreams } from './event-stream.js';
import type { ChangeWitness, Operations } from './operations.js';
import { RefusedError, sendProblem, type Refusal } from './problem.js';

export interface ApiOptions {
  /** Who may use it; asked for each request. */
  readonly rules: () => AccessRules;
  readonly operations: Operations;
  readonly streams: EventStreams;
  readonly witness: ChangeWitness;
  /** Outrigger's own version. */
  readonly version: string;
}

/** Of an answer that a browser got hold of nothing may come: it is no page, no script, and no other site's. */
const HEADERS = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
} as const;

const OVERVIEW = `Outrigger

GET    /metrics  /healthz  /readyz
GET    /api/routes  /api/history  /api/upstreams  /api/circuits  /api/config  /api/events
PUT    /api/circuits/{upstream}  /api/retries  /api/log
DELETE /api/circuits/{upstream}
POST   /-/quit  /-/reload

What they take and give: /api/openapi.json
In a browser, this is the dashboard.
`;

/** Paths that the server answers itself, for everybody; what comes here had another method. */
const PUBLIC = ['/metrics', '/healthz', '/readyz'];

const NOT_FOUND: Refusal = { status: 404, code: 'not-found', detail: 'There is nothing here.' };

/** Where a request goes. */
interface Place {
  readonly actions: Partial<Readonly<Record<string, Action | 'page'>>>;
  readonly upstream: string;
}

/** Paths that are no JSON of the operations. */
const PAGES = ['/', '/api/events', '/api/openapi.json'];

/** Everything that is for operators: views, events and changes. */
export class Api {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /** Answers a request whose body has not been read. Fails only by a fault of ours. */
  async handle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const [path = '', query = ''] = request.raw.url?.split('?', 2) ?? [];
    const place = placeOf(path);
    if (place === undefined) {
      sendProblem(reply, PUBLIC.includes(path) ? wrongMethod(['GET']) : NOT_FOUND);
      return;
    }
    reply.headers(HEADERS);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const action = place.actions[method];
    const change = action === 'page' ? undefined : action?.change;
    const by = peerOf(request);
    try {
      this.#allow(request, change !== undefined || action === undefined);
      if (action === undefined) throw new RefusedError(wrongMethod(Object.keys(place.actions)));
      if (action === 'page') {
        await this.#page(path, new URLSearchParams(query), request, reply);
        return;
      }
      const asked = { upstream: place.upstream, query: parameters(query, action.query ?? []), by };
      const body = change === undefined ? undefined : await readJson(request.raw);
      const answer = await action.answer(this.#options.operations, { ...asked, body } satisfies Request);
      if (change !== undefined) this.#options.witness.counted(change, 'done');
      reply.code(action.status ?? 200).send(answer);
    } catch (error) {
      if (change !== undefined) this.#tell(change, by, error);
      if (!(error instanceof RefusedError)) throw error;
      sendProblem(reply, error.refusal);
    }
  }

  #allow(request: FastifyRequest, changes: boolean): void {
    const { headers } = request;
    const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    const asked = { changes, local: isLocal(request), hasBody, headers };
    const refusal = refusalOf(asked, this.#options.rules());
    if (refusal === undefined) return;
    // The body of who may not send one is not read.
    const close: Record<string, string> = hasBody ? { connection: 'close' } : {};
    throw new RefusedError({ ...refusal, headers: { ...refusal.headers, ...close } });
  }

  #tell(change: ChangeName, by: string, error: unknown): void {
    const failed: Pick<Refusal, 'status' | 'code' | 'logged'> = { status: 500, code: 'internal' };
    const { status, code, logged = false } = error instanceof RefusedError ? error.refusal : failed;
    this.#options.witness.counted(change, resultOf(status));
    if (!logged) this.#options.witness.refused({ change, by, status, code });
  }

  async #page(path: string, query: URLSearchParams, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (path === '/') {
      reply.header('vary', 'accept');
      if (wantsPage(request.headers.accept)) {
        const { html, headers } = await dashboard();
        reply.headers(headers).send(html);
      } else {
        reply.type('text/plain; charset=utf-8').send(OVERVIEW);
      }
    } else if (path === '/api/events') {
      this.#events(query, request, reply);
    } else {
      // Seldom asked for, hence not loaded with the rest.
      const { openApi } = await import('./openapi.js');
      reply.send(openApi(this.#options.version));
    }
  }

  #events(query: URLSearchParams, request: FastifyRequest, reply: FastifyReply): void {
    const { streams } = this.#options;
    if (request.method === 'HEAD') throw new RefusedError(wrongMethod(['GET']));
    if (streams.isFull) {
      const detail = 'As many event streams as there may be are open.';
      const headers = { 'retry-after': '5' };
      throw new RefusedError({ status: 503, code: 'too-many-streams', detail, headers });
    }
    const history = /^\d{1,4}$/.exec(query.get('history') ?? '0');
    if (history === null) throw invalid([{ path: 'history', message: 'allowed: a whole number up to 9999' }]);
    reply.hijack();
    reply.raw.writeHead(200, {
      ...HEADERS,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Proxies such as nginx would hold events back.
      'x-accel-buffering': 'no',
    });
    const { 'last-event-id': lastEventId } = request.headers;
    streams.open(reply.raw, typeof lastEventId === 'string' ? lastEventId : undefined, Number(history[0]));
  }
}

function placeOf(path: string): Place | undefined {
  if (PAGES.includes(path)) return { actions: { GET: 'page' }, upstream: '' };
  const exact = Object.hasOwn(ENDPOINTS, path) ? ENDPOINTS[path] : undefined;
  if (exact !== undefined) return { actions: exact, upstream: '' };
  const named = /^\/api\/circuits\/([^/]+)$/.exec(path)?.[1];
  const actions = ENDPOINTS['/api/circuits/{upstream}'];
  if (named === undefined || actions === undefined) return undefined;
  try {
    return { actions, upstream: decodeURIComponent(named) };
  } catch {
    return undefined;
  }
}

function wrongMethod(allowed: readonly string[]): Refusal {
  const allow = allowed.join(', ');
  return { status: 405, code: 'method-not-allowed', detail: `Allowed here: ${allow}.`, headers: { allow } };
}

/** A parameter that is mistyped must not be passed over: without its key, all circuits would be reset. */
function parameters(query: string, known: readonly string[]): URLSearchParams {
  const parsed = new URLSearchParams(query);
  const unknown = [...parsed.keys()].filter((name) => !known.includes(name));
  if (unknown.length === 0) return parsed;
  throw invalid(unknown.map((name) => ({ path: name, message: 'is not known here' })));
}

function resultOf(status: number): ChangeResult {
  if (status === 401 || status === 403) return 'denied';
  return status < 500 ? 'invalid' : 'failed';
}

/** A server has one listener: who comes over a Unix socket was let in by its file's permissions. */
function isOverUnixSocket(request: FastifyRequest): boolean {
  return typeof request.server.server.address() === 'string';
}

/** Not by whether there is an address: of a connection that was just cut there is none either. */
function isLocal(request: FastifyRequest): boolean {
  return isOverUnixSocket(request) || isLoopback(request.raw.socket.remoteAddress);
}

function peerOf(request: FastifyRequest): string {
  return isOverUnixSocket(request) ? 'unix' : (request.raw.socket.remoteAddress ?? 'gone').replace(/^::ffff:/i, '');
}
