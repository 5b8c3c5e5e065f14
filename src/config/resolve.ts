import { parseDuration, parseRatio, parseSize } from '../policies/rules/units.js';
import { type Address, parseAddress, parseOrigin } from './addresses.js';
import type { Config, ResolvedRoute, ResolvedTls, ResolvedTracing, ResolvedUpstream } from './config.js';
import type { Files } from './files.js';
import type { SourceText } from './issues.js';
import type { MapNode } from './nodes.js';
import type { ConfigFile, RouteOptions, UpstreamOptions } from './schema.js';

/** Makes the typed config of a file that was found valid, with every default filled in. */
export function resolveConfig(file: ConfigFile, effective: MapNode, files: Files, source: SourceText): Config {
  const { admin, limits } = file;
  const token = admin.token === '' ? undefined : admin.token;
  return {
    file: source.file,
    listen: (typeof file.listen === 'string' ? [file.listen] : file.listen).map(address),
    admin: { listen: address(admin.listen), token, hosts: admin.hosts },
    log: file.log,
    tracing: resolveTracing(file.tracing),
    drainTimeoutMs: parseDuration(file.drainTimeout),
    drainDelayMs: parseDuration(file.drainDelay),
    reload: file.reload,
    limits: {
      // To Node 0 means: as much as it likes.
      maxHeaderSizeBytes: Math.max(1, parseSize(limits.maxHeaderSize)),
      headersTimeoutMs: parseDuration(limits.headersTimeout),
      maxConnections: limits.maxConnections,
      maxEventLoopDelayMs: limits.maxEventLoopDelay === 'off' ? Infinity : parseDuration(limits.maxEventLoopDelay),
      replayMemoryBytes: parseSize(limits.replayMemory),
      staleMemoryBytes: parseSize(limits.staleMemory),
    },
    upstreams: new Map(Object.entries(file.upstreams).map(([name, one]) => [name, resolveUpstream(name, one, files)])),
    routes: file.routes.map((route) => resolveRoute(route, files)),
    effective,
    source,
  };
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new RangeError(`'${text}' is not an address`);
  return parsed;
}

function resolveTracing(options: ConfigFile['tracing']): ResolvedTracing | false {
  if (options === false) return false;
  const { otlp, sample, headers, serviceName } = options;
  return {
    otlp: otlp === undefined ? undefined : tracesUrl(otlp),
    sample: Math.min(1, parseRatio(sample)),
    headers,
    serviceName,
  };
}

/** As OTEL_EXPORTER_OTLP_ENDPOINT has it for a collector, and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT where a path is given. */
function tracesUrl(text: string): string {
  const url = new URL(text);
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}

function origin(text: string): string {
  const parsed = parseOrigin(text);
  if ('problem' in parsed) throw new RangeError(`'${text}' ${parsed.problem}`);
  return parsed.origin;
}

function resolveUpstream(name: string, options: UpstreamOptions, files: Files): ResolvedUpstream {
  const { url, endpoints, connectTimeout, keepAliveTimeout, tls, ...policies } = options;
  return {
    ...policies,
    name,
    endpoints: (endpoints ?? (url === undefined ? [] : [url])).map(origin),
    connectTimeoutMs: parseDuration(connectTimeout),
    keepAliveTimeoutMs: parseDuration(keepAliveTimeout),
    tls: resolveTls(tls, files),
  };
}

function resolveTls(options: UpstreamOptions['tls'], files: Files): ResolvedTls {
  const text = (path: string | undefined) => (path === undefined ? undefined : files.text(path));
  const { ca, cert, key, serverName, verify } = options;
  return { ca: text(ca), cert: text(cert), key: text(key), serverName, verify };
}

function resolveRoute(options: RouteOptions, files: Files): ResolvedRoute {
  const { match, rewrite, timeout, attemptTimeout, idleTimeout, fallback, faults, ...same } = options;
  return {
    ...same,
    match: {
      host: match.host?.toLowerCase(),
      path: match.path,
      methods: match.methods,
      headers: match.headers ?? {},
    },
    rewrite: { stripPrefix: rewrite.stripPrefix, addPrefix: rewrite.addPrefix },
    timeout: timeout === false ? false : { timeout },
    attemptTimeout: attemptTimeout === false ? false : { attemptTimeout },
    idleTimeoutMs: parseDuration(idleTimeout),
    fallback: fallback === false ? false : { ...fallback, steps: fallback.steps.map((step) => withBody(step, files)) },
    faults: faults === false ? false : { faults },
  };
}

type Step = Exclude<RouteOptions['fallback'], false>['steps'][number];

/** Puts the content of `bodyFile` where the policy looks for the body. */
function withBody(step: Step, files: Files): Step {
  if (!('response' in step) || step.response.bodyFile === undefined) return step;
  const { bodyFile, ...response } = step.response;
  return { response: { ...response, body: files.bytes(bodyFile) } };
}
