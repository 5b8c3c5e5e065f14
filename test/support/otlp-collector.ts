import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span as a collector understands it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly flags: number;
  readonly kind: 'server' | 'client';
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly timeNs: bigint; readonly attributes: Attributes }[];
  readonly failed: boolean;
  readonly message: string;
  readonly service: string;
}

export interface Collector {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** The headers of each request. */
  readonly requests: readonly IncomingHttpHeaders[];
  /** How many connections are open. */
  connections(): Promise<number>;
}

/** Takes spans over OTLP/HTTP and decodes them as strictly as the protocol is written. Ends with the test. */
export async function startCollector(
  t: TestContext,
  answer: (response: ServerResponse, request: number) => void = (response) =>
    response.setHeader('content-type', 'application/json').end('{}'),
): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const requests: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      requests.push(request.headers);
      assert.deepEqual([request.method, request.url], ['POST', '/v1/traces']);
      spans.push(...decodeSpans(body));
      answer(response, requests.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    connections: () => new Promise((resolve) => server.getConnections((_error, count) => resolve(count))),
  };
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Request {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly spans: readonly Readonly<Record<string, unknown>>[];
    }[];
  }[];
}

/** ExportTraceServiceRequest in protobuf's JSON: unknown keys and forms are mistakes; what has its default may be left out. */
export function decodeSpans(body: string): ReceivedSpan[] {
  const { resourceSpans, ...more } = JSON.parse(body) as Request;
  assert.deepEqual(more, {});
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = attributesOf(resource.attributes)['service.name'];
    return scopeSpans.flatMap(({ scope, spans }) => {
      assert.equal(scope.name, 'outrigger');
      return spans.map((span) => decodeSpan(span, String(service)));
    });
  });
}

const KINDS = { 2: 'server', 3: 'client' } as const;

function decodeSpan(span: Readonly<Record<string, unknown>>, service: string): ReceivedSpan {
  const {
    traceId,
    spanId,
    parentSpanId = '',
    traceState = '',
    flags,
    kind,
    name,
    startTimeUnixNano,
    endTimeUnixNano,
    attributes,
    events = [],
    droppedEventsCount = 0,
    status = {},
    ...more
  } = span;
  assert.deepEqual(more, {});
  assert.match(String(traceId), /^[0-9a-f]{32}$/);
  assert.match(String(spanId), /^[0-9a-f]{16}$/);
  assert.match(String(parentSpanId), /^(?:[0-9a-f]{16})?$/);
  assert.ok(kind === 2 || kind === 3);
  assert.ok(Number.isInteger(flags) && Number.isInteger(droppedEventsCount));
  const { code = 0, message = '' } = status as { readonly code?: number; readonly message?: string };
  assert.ok(code === 0 || code === 2);
  return {
    traceId: String(traceId),
    spanId: String(spanId),
    parentSpanId: String(parentSpanId),
    traceState: String(traceState),
    flags: Number(flags),
    kind: KINDS[kind],
    name: String(name),
    startNs: nanos(startTimeUnixNano),
    endNs: nanos(endTimeUnixNano),
    attributes: attributesOf(attributes as readonly KeyValue[]),
    events: (events as readonly Readonly<Record<string, unknown>>[]).map((event) => ({
      name: String(event.name),
      timeNs: nanos(event.timeUnixNano),
      attributes: attributesOf(event.attributes as readonly KeyValue[]),
    })),
    failed: code === 2,
    message,
    service,
  };
}

function nanos(value: unknown): bigint {
  assert.match(String(value), /^\d{19}$/);
  assert.equal(typeof value, 'string');
  return BigInt(String(value));
}

function attributesOf(list: readonly KeyValue[]): Attributes {
  const entries = list.map(({ key, value }) => {
    const [[kind, inner] = ['', undefined], ...others] = Object.entries(value);
    assert.equal(others.length, 0);
    if (kind === 'intValue') return [key, Number(inner)] as const;
    assert.equal(typeof inner, { stringValue: 'string', boolValue: 'boolean', doubleValue: 'number' }[kind]);
    return [key, inner as string | number | boolean] as const;
  });
  assert.equal(new Set(entries.map(([key]) => key)).size, entries.length, 'a key is given twice');
  return Object.fromEntries(entries);
}
