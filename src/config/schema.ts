import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { AttemptTimeoutOptions } from '../policies/attempt-timeout.js';
import { CircuitBreakerOptions } from '../policies/circuit-breaker.js';
import { ConcurrencyOptions } from '../policies/concurrency.js';
import { DeadlineOptions } from '../policies/deadline.js';
import { FallbackOptions } from '../policies/fallback.js';
import { FaultInjectionOptions } from '../policies/fault-injection.js';
import { HedgeOptions } from '../policies/hedge.js';
import { RateLimitOptions, UpstreamRateLimitOptions } from '../policies/rate-limit.js';
import { RetryBudgetOptions } from '../policies/retry-budget.js';
import { RetryOptions } from '../policies/retry.js';
import {
  choice,
  duration,
  durationOrOff,
  flag,
  headerMap,
  headerNames,
  integer,
  methods,
  positiveDuration,
  positiveSize,
  ratio,
  size,
} from '../policies/rules/option-types.js';
import { LoadBalancingOptions } from '../upstream/balancing.js';
import { DiscoveryOptions } from '../upstream/discovery.js';
import { HealthCheckOptions } from '../upstream/health-check.js';
import { TlsOptions } from '../upstream/tls.js';
import type { SchemaNode } from './schema-node.js';

/** A name of ours: it labels metrics, where `-` stands for none, and stands in paths of the API. */
const NAME_PATTERN = '^(?!-$)[^\\u0000-\\u0020\\u007f](?:[^\\u0000-\\u001f\\u007f]{0,98}[^\\u0000-\\u0020\\u007f])?$';

const closed = { additionalProperties: false } as const;

/** A policy's options, or false to turn it off. `offByDefault`: it is off until set. */
function orFalse<T extends TSchema>(schema: T, offByDefault = false) {
  const own: SchemaNode = schema;
  const { description, default: ownDefault } = own;
  const byDefault = offByDefault ? { default: false } : ownDefault === undefined ? {} : { default: ownDefault };
  return Type.Union([schema, Type.Literal(false)], { description, orFalse: true, ...byDefault });
}

const address = (description: string) => Type.String({ description, unit: 'address', minLength: 1 });
const origin = () => Type.String({ unit: 'origin', pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s]+$' });
const name = (description: string) => Type.String({ description, unit: 'name', pattern: NAME_PATTERN });
const path = (description: string) =>
  Type.Optional(Type.String({ description, unit: 'path-prefix', pattern: '^/[\\u0021-\\u007e]*$' }));

const headerEdits = (description: string) =>
  Type.Object(
    {
      set: headerMap({}, 'Headers set, by name; what was there is replaced.'),
      remove: headerNames([], 'Headers removed.'),
    },
    { ...closed, description },
  );

const upstreamProperties = {
  url: Type.Optional({ ...origin(), description: 'The only endpoint: scheme://host:port.' }),
  endpoints: Type.Optional(
    Type.Array(origin(), { description: 'The endpoints: scheme://host:port each.', minItems: 1 }),
  ),
  ...LoadBalancingOptions.properties,
  discovery: DiscoveryOptions,
  connectTimeout: positiveDuration('3s', 'For a connection to stand, TLS included.'),
  keepAliveTimeout: positiveDuration(
    '4s',
    "How long an idle connection is kept; a server's own hint shortens it. Longer loses POSTs to servers that close first.",
  ),
  internalHeaders: flag(
    true,
    'false, for third parties: no Via, X-Forwarded-*, x-retry-attempt and x-request-timeout-ms.',
  ),
  tls: TlsOptions,
  circuitBreaker: orFalse(CircuitBreakerOptions),
  concurrency: orFalse(ConcurrencyOptions),
  retryBudget: orFalse(RetryBudgetOptions),
  rateLimit: orFalse(UpstreamRateLimitOptions, true),
  healthCheck: orFalse(HealthCheckOptions, true),
};

const matchSchema = Type.Object(
  {
    host: Type.Optional(
      Type.String({ description: 'The host, exact or *.suffix, without port.', unit: 'host-pattern', minLength: 1 }),
    ),
    path: Type.Optional(
      Type.String({
        description: 'The path, exact or a prefix that ends in /*; %61 and a are the same.',
        unit: 'path-pattern',
        minLength: 1,
      }),
    ),
    methods: Type.Optional({ ...methods(undefined, 'The methods.'), minItems: 1 }),
    headers: Type.Optional(headerMap(undefined, 'Headers that must have exactly these values.')),
  },
  { ...closed, description: 'Which calls take the route; all that is given must hold.', explicit: true },
);

const routeProperties = {
  name: name('Unique; labels metrics and logs.'),
  match: matchSchema,
  upstream: name('The name of the upstream the calls go to.'),
  rewrite: Type.Object(
    {
      stripPrefix: path('Taken off the front of the path.'),
      addPrefix: path('Then put in front of it.'),
    },
    { ...closed, description: 'How the path is changed.' },
  ),
  requestHeaders: headerEdits('Changes to the request.'),
  responseHeaders: headerEdits('Changes to the response.'),
  preserveHost: flag(false, "true: the app's Host header goes on."),
  timeout: orFalse(DeadlineOptions.properties.timeout),
  attemptTimeout: orFalse(AttemptTimeoutOptions.properties.attemptTimeout),
  idleTimeout: positiveDuration('60s', 'Between chunks of a streamed body, either way.'),
  retry: orFalse(RetryOptions),
  hedge: orFalse(HedgeOptions, true),
  rateLimit: orFalse(RateLimitOptions, true),
  fallback: orFalse(FallbackOptions, true),
  faults: orFalse(FaultInjectionOptions.properties.faults, true),
};

const { url: _url, endpoints: _endpoints, ...upstreamDefaults } = upstreamProperties;
const { name: _name, match: _match, upstream: _upstream, ...routeDefaults } = routeProperties;

const ofUpstreams = { ...closed, other: { place: 'a route', keys: Object.keys(routeProperties) } };
const ofRoutes = { ...closed, other: { place: 'an upstream', keys: Object.keys(upstreamProperties) } };

/** An upstream with all its defaults filled in. */
export const UpstreamSchema = Type.Object(upstreamProperties, ofUpstreams);
export type UpstreamOptions = Static<typeof UpstreamSchema>;

/** A route with all its defaults filled in. */
export const RouteSchema = Type.Object(routeProperties, ofRoutes);
export type RouteOptions = Static<typeof RouteSchema>;

/** The whole policy file with all its defaults filled in. What has a default may be left out of the file. */
export const ConfigFileSchema = Type.Object(
  {
    listen: Type.Union([address('An address.'), Type.Array(address('An address.'), { minItems: 1 })], {
      description: 'Where the app sends its calls: host:port, :port or unix:/path; a list is allowed.',
      default: '127.0.0.1:8080',
    }),
    admin: Type.Object(
      {
        listen: {
          ...address('Where /metrics, /healthz, /readyz, the API and the dashboard are.'),
          default: '127.0.0.1:9901',
        },
        token: Type.Optional(
          Type.String({ description: 'Without one, the API and the dashboard answer loopback only.', unit: 'text' }),
        ),
        hosts: Type.Array(Type.String({ unit: 'text', minLength: 1 }), {
          description: 'Names, besides addresses and localhost, that a Host header may have.',
          default: [],
        }),
      },
      { ...closed, description: 'The admin server.' },
    ),
    log: Type.Object(
      {
        level: choice(
          ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
          'info',
          'The least level logged.',
        ),
        access: choice(
          ['all', 'errors', 'off'],
          'errors',
          'One line per finished call: for all, for failures, for none.',
        ),
        redact: headerNames(
          ['authorization', 'cookie', 'set-cookie', 'proxy-authorization'],
          'Headers whose values are never shown.',
        ),
      },
      { ...closed, description: 'Logging.' },
    ),
    tracing: orFalse(
      Type.Object(
        {
          otlp: Type.Optional(
            Type.String({
              description:
                'Where spans are sent: the OTLP/HTTP address of a collector; /v1/traces is put behind one without a path. Without it, traces are continued and begun, and nothing is kept of them.',
              unit: 'url',
              pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s]+$',
            }),
          ),
          sample: ratio(
            '10%',
            'The share of the traces that begin here which is kept; of others, whoever began them decides.',
          ),
          headers: headerMap({}, 'Sent to the collector with each request, such as what it asks for as authorization.'),
          serviceName: Type.String({
            description: 'service.name of the spans.',
            default: 'outrigger',
            unit: 'text',
            minLength: 1,
          }),
        },
        { ...closed, description: 'Traces, by OpenTelemetry.' },
      ),
      true,
    ),
    drainTimeout: duration('25s', 'After SIGTERM: finish what is in flight, at most so long.'),
    drainDelay: duration(
      '0s',
      'Calls are taken at least so long after SIGTERM, for apps that still need the network to shut down.',
    ),
    reload: choice(['auto', 'manual'], 'auto', 'Whether a change of the file is taken up by itself.'),
    limits: Type.Object(
      {
        maxHeaderSize: positiveSize('16KiB', "A request's head."),
        headersTimeout: positiveDuration('10s', 'A client that sends its head slower is cut off.'),
        maxConnections: integer(10_000, 'Connections from apps; what is beyond gets 503 `shedding`.', { minimum: 1 }),
        maxEventLoopDelay: durationOrOff(
          '100ms',
          'How long a call may wait while there is more to do than the process can; beyond, 503 `shedding`. off: any time.',
        ),
        replayMemory: size('64MiB', 'All request bodies kept for retries, together.'),
        staleMemory: size('64MiB', 'All answers kept for stale fallbacks, together.'),
      },
      { ...closed, description: "The process's own bounds." },
    ),
    defaults: Type.Optional(
      Type.Object(
        {
          route: Type.Optional(Type.Object(routeDefaults, { ...ofRoutes, description: 'Under every route.' })),
          upstream: Type.Optional(
            Type.Object(upstreamDefaults, { ...ofUpstreams, description: 'Under every upstream.' }),
          ),
        },
        { ...closed, description: 'Merged under each route and upstream.' },
      ),
    ),
    upstreams: Type.Record(Type.String({ pattern: NAME_PATTERN }), UpstreamSchema, {
      ...closed,
      description: 'The services that are called, by name. They carry what protects the service.',
      minProperties: 1,
      keyUnit: 'name',
    }),
    routes: Type.Array(RouteSchema, {
      description: 'Which call goes where, and how; the first that matches wins. They carry what the caller wants.',
      minItems: 1,
    }),
  },
  closed,
);
export type ConfigFile = Static<typeof ConfigFileSchema>;
