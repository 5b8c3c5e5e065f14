/** What grows, and what a call costs then. */
import { type By, policyFile, requestFor } from './policies.js';

export interface Curve {
  readonly name: string;
  readonly title: string;
  /** What its points are compared with, for the head of the column. */
  readonly base: string;
  readonly points: readonly Point[];
}

export interface Point {
  readonly label: string;
  readonly proxy: Proxy;
  readonly connections: number;
  readonly answerBytes: number;
  /** Then the request is a POST; 0: a GET. */
  readonly uploadBytes: number;
  /** The GETs to make in turn, as the load generator takes them; none: of the first route. */
  readonly requests?: readonly string[];
  /** The label of the point to compare with. */
  readonly base: string;
  /** How much longer than others it is warmed up: what is spread over many upstreams warms up slowly. */
  readonly warmups?: number;
}

/** What stands between. What is not Outrigger shows what of the growth is the kernel's and the machine's. */
export type Proxy =
  | { readonly name: 'Outrigger'; readonly policy: (upstreamPort: number) => string }
  | { readonly name: 'nginx'; readonly upstreams: number }
  | { readonly name: 'raw TCP' };

type Load = Pick<Point, 'connections' | 'answerBytes' | 'uploadBytes'>;

const KIB = 1_024;
const MIB = 1_024 * KIB;

/** One of everything, over 32 connections. */
const PLAIN: Load = { connections: 32, answerBytes: KIB, uploadBytes: 0 };
const SMALLEST = '/ smallest';
const TCP = '/ raw TCP';
const outrigger = (policy: (upstreamPort: number) => string): Proxy => ({ name: 'Outrigger', policy });
const one = outrigger((port) => policyFile(port, { routes: 1, upstreams: 1 }));

const count = (n: number): string => n.toLocaleString('en');

/** Outrigger and raw TCP forwarding, which shows what of the growth is Node's and the kernel's. */
function besideTcp(label: string, point: Load): Point[] {
  const tcp = `${label}, raw TCP`;
  return [
    { ...point, label, proxy: one, base: tcp },
    { ...point, label: tcp, proxy: { name: 'raw TCP' }, base: tcp },
  ];
}

function routes(by: By): Point[] {
  return [1, 10, 100, 1_000].map((n) => ({
    ...PLAIN,
    label: `${count(n)}, by ${by}`,
    proxy: outrigger((port) => policyFile(port, { routes: n, upstreams: 1 }, { by })),
    requests: [requestFor(by, n - 1)],
    base: `1, by ${by}`,
  }));
}

/** Calls to all routes, and so to all upstreams, in turn. */
function sized(n: number, upstreams: number): Point {
  return {
    ...PLAIN,
    label: `${count(n)} and ${count(upstreams)}`,
    proxy: outrigger((port) => policyFile(port, { routes: n, upstreams })),
    requests: Array.from({ length: n }, (_, i) => requestFor('path prefix', i)),
    base: '1 and 1',
    warmups: 8,
  };
}

function sizedNginx(n: number): Point {
  const label = (count: number): string => `nginx, ${count} and ${count}`;
  return { ...sized(n, n), label: label(n), proxy: { name: 'nginx', upstreams: n }, base: label(1) };
}

function keys(label: string, policy: (port: number) => string): Point[] {
  return [1, 100, 1_000, 10_000, 20_000].map((n) => ({
    ...PLAIN,
    label: `${count(n)}, ${label}`,
    proxy: outrigger(policy),
    requests: Array.from({ length: n }, (_, i) => `/r0/item\tx-tenant\tt${i}`),
    base: `1, ${label}`,
  }));
}

const key = '{header:x-tenant}';

export const curves: readonly Curve[] = [
  {
    name: 'connections',
    base: TCP,
    title: 'connections',
    points: [1, 4, 32, 128, 512, 1_000].flatMap((n) => besideTcp(count(n), { ...PLAIN, connections: n })),
  },
  {
    name: 'answers',
    base: TCP,
    title: "size of the answers' bodies",
    points: sizes((load, answerBytes) => ({ ...load, answerBytes })),
  },
  {
    name: 'uploads',
    base: TCP,
    title: "size of the requests' bodies (POST; above 64 KiB they are not kept for retries)",
    points: sizes((load, uploadBytes) => ({ ...load, answerBytes: 2, uploadBytes })),
  },
  {
    name: 'routes',
    base: SMALLEST,
    title: 'routes, with calls to the last one',
    points: (['exact path', 'path prefix', 'host suffix', 'header'] as const).flatMap(routes),
  },
  {
    name: 'upstreams',
    base: SMALLEST,
    title: 'routes and upstreams, with calls to all in turn',
    points: [
      sized(1, 1),
      sized(10, 10),
      sized(50, 50),
      sized(200, 200),
      sized(1_000, 200),
      sizedNginx(1),
      sizedNginx(200),
    ],
  },
  {
    name: 'keys',
    base: SMALLEST,
    title: 'keys that calls bear in turn; at most 10,000 are kept',
    points: [
      ...keys('rate limit', (port) =>
        policyFile(
          port,
          { routes: 1, upstreams: 1 },
          // No bucket is ever full again, so that none can be forgotten for nothing.
          { route: { rateLimit: { requests: 1, per: '1h', burst: 100_000_000, key } } },
        ),
      ),
      ...keys('circuit', (port) =>
        policyFile(
          port,
          { routes: 1, upstreams: 1 },
          { upstream: { circuitBreaker: { key: `{endpoint} ${key}`, maxKeys: 10_000 } } },
        ),
      ),
    ],
  },
];

function sizes(point: (load: Load, bytes: number) => Load): Point[] {
  const steps: readonly (readonly [label: string, bytes: number])[] = [
    ['0', 0],
    ['1 KiB', KIB],
    ['16 KiB', 16 * KIB],
    ['64 KiB', 64 * KIB],
    ['256 KiB', 256 * KIB],
    ['1 MiB', MIB],
    ['10 MiB', 10 * MIB],
  ];
  // The calls that are still on their way at the end have cost something and are not counted: few, of the largest.
  return steps.flatMap(([label, bytes]) =>
    besideTcp(label, point({ ...PLAIN, connections: bytes > MIB ? 4 : PLAIN.connections }, bytes)),
  );
}

/** Throws a RangeError for a name that none has. */
export function curveNamed(name: string): Curve {
  const curve = curves.find((one) => one.name === name);
  if (curve === undefined)
    throw new RangeError(`--curve: no '${name}'; there are ${curves.map((one) => one.name).join(', ')}`);
  return curve;
}
