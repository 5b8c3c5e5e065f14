import { RetrySwitches } from '../app/retry-switches.js';
import { createRoutes } from '../app/routes.js';
import { Upstreams } from '../app/upstreams.js';
import type { Config, ResolvedUpstream } from '../config/config.js';
import { headerOf, readRequestHead } from '../edge/headers.js';
import { Intake, type Accepted } from '../edge/intake.js';
import { parseTarget } from '../edge/target.js';
import { asInternal, type OutriggerError } from '../errors.js';
import { createCall } from '../pipeline/call.js';
import { NO_BODY } from '../pipeline/request-body.js';
import type { PolicyEvent } from '../policies/events.js';
import type { CallOptions, Clock, Dispatch, PolicyDeps, Random } from '../policies/policy.js';
import { StaleStores } from '../policies/stale-store.js';
import type { Upstream } from '../upstream/upstream.js';
import { AppCall } from './app-call.js';
import { TextBody } from './text-body.js';

export interface SidecarOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  /** What takes the attempts at an endpoint of an upstream; those without a `call` are health checks. */
  readonly dispatchTo: (upstream: ResolvedUpstream, origin: string) => Dispatch;
  /** Told of what the policies do. */
  readonly emit?: (event: PolicyEvent) => void;
}

/** What the app asks for. */
export interface AppRequest {
  readonly method: string;
  /** The request target: a path, or a whole http URL. */
  readonly path: string;
  /** Names in lower case. One without `host` goes to `localhost`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request whose way through the sidecar is known: it may be made any number of times. */
export interface PreparedRequest {
  /** Where it goes; or why nowhere. */
  readonly accepted: Accepted | OutriggerError;
  readonly request: AppRequest;
  /** Without the query. */
  readonly path: string;
  readonly header: (name: string) => string | undefined;
}

/**
 * The sidecar of a policy file without sockets: its routes, policies and upstreams, put together by the same code, with a
 * function in place of each connection pool. Time and chance come from outside only. Names of endpoints are not looked up:
 * each is one endpoint.
 */
export class Sidecar {
  readonly #upstreams: Upstreams;
  readonly #intake: Intake;
  readonly #clock: Clock;

  constructor({ config, clock, random, dispatchTo, emit = () => undefined }: SidecarOptions) {
    const deps: PolicyDeps = { clock, random, emit };
    this.#clock = clock;
    this.#upstreams = new Upstreams(withoutLookups(config), deps, undefined, (upstream, origin) => ({
      dispatch: dispatchTo(upstream, origin),
      close: () => Promise.resolve(),
      destroy: () => Promise.resolve(),
    }));
    const scope = {
      upstreams: this.#upstreams,
      staleStores: new StaleStores({ maxBytes: config.limits.staleMemoryBytes }),
      switches: new RetrySwitches(clock, () => undefined),
    };
    this.#intake = new Intake(createRoutes(config, scope, deps));
  }

  /** By name. */
  get upstreams(): ReadonlyMap<string, Upstream> {
    return this.#upstreams.all;
  }

  /** Starts the health checks. */
  start(): void {
    this.#upstreams.start();
  }

  /** Finds the way of a request. */
  prepare(request: AppRequest): PreparedRequest {
    const sent = { host: 'localhost', ...request.headers };
    const raw = Object.entries(sent).flat();
    if (request.body !== undefined) raw.push('content-length', String(Buffer.byteLength(request.body)));
    const header = (name: string) => headerOf(raw, name);
    let path = '';
    try {
      const target = parseTarget(request.path);
      ({ path } = target);
      const arrived = { method: request.method, httpVersion: '1.1', socket: { remoteAddress: '127.0.0.1' } };
      return { accepted: this.#intake.accept(arrived, readRequestHead(raw), target, header), request, path, header };
    } catch (error) {
      return { accepted: asInternal(error, 'the edge failed'), request, path, header };
    }
  }

  /**
   * Makes a call now. `onEnd` may be called before this returns, and `onBegin` before anything else.
   */
  call(
    { accepted, request, path, header }: PreparedRequest,
    onEnd: (call: AppCall) => void,
    onBegin?: (call: AppCall) => void,
  ): AppCall {
    if (accepted instanceof Error) {
      const refused = new AppCall(undefined, undefined, this.#clock, onEnd);
      onBegin?.(refused);
      refused.fail(accepted);
      return refused;
    }
    const { route, host, forwarded } = accepted;
    const { method, body } = request;
    const call = createCall({
      route: route.name,
      upstream: route.upstream,
      method,
      host,
      path,
      startedAt: this.#clock.now(),
      trace: undefined,
      body: body === undefined || body === '' ? NO_BODY : new TextBody(body, route.maxBodySize),
      forwarded,
      header,
    });
    const made = new AppCall(call, route.responseEdits, this.#clock, onEnd);
    onBegin?.(made);
    const opts: CallOptions = {
      path: accepted.path,
      method,
      headers: accepted.headers,
      headersTimeout: 0,
      bodyTimeout: route.idleTimeoutMs,
      upgrade: null,
      call,
      // Added later, it would take each call memory of its own.
      attempt: undefined,
    };
    try {
      route.dispatch(opts, made);
    } catch (cause) {
      made.fail(asInternal(cause, 'the pipeline failed'));
    }
    return made;
  }
}

function withoutLookups(config: Config): Config {
  const upstreams = [...config.upstreams].map(
    ([name, upstream]) => [name, { ...upstream, discovery: { ...upstream.discovery, dns: 'one' as const } }] as const,
  );
  return { ...config, upstreams: new Map(upstreams) };
}
