/**
 * OTLP 1.x in JSON (opentelemetry-proto, trace.proto; OTLP specification, "JSON Protobuf Encoding"): ids in hex, enums as
 * numbers, 64-bit integers as text.
 */

export type AttributeValue = string | number | boolean | undefined;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** SPAN_KIND_SERVER, SPAN_KIND_CLIENT. */
export type SpanKind = 2 | 3;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** Whether the parent is in another process. */
  readonly parentIsRemote: boolean;
  readonly traceState: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** Nanoseconds since the Unix epoch. */
  readonly start: string;
  readonly end: string;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly time: string; readonly attributes: Attributes }[];
  readonly droppedEvents: number;
  /** What went wrong, if something did; empty where the attributes say it all. */
  readonly error: string | undefined;
}

/** SpanFlags: the trace's own, whether it is known where the parent is, and whether that is elsewhere. */
const SAMPLED = 1;
const PARENT_KNOWN = 0x100;
const PARENT_REMOTE = 0x200;

const STATUS_ERROR = 2;

export function spanJson(span: Span): string {
  return JSON.stringify({
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    traceState: span.traceState,
    flags: SAMPLED | PARENT_KNOWN | (span.parentIsRemote ? PARENT_REMOTE : 0),
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: span.start,
    endTimeUnixNano: span.end,
    attributes: keyValues(span.attributes),
    events: span.events.map(({ name, time, attributes }) => ({
      name,
      timeUnixNano: time,
      attributes: keyValues(attributes),
    })),
    droppedEventsCount: span.droppedEvents,
    status:
      span.error === undefined
        ? {}
        : { code: STATUS_ERROR, ...(span.error === '' ? {} : { message: cut(span.error) }) },
  });
}

/** What stands around the spans of one request. */
export interface Envelope {
  readonly before: string;
  readonly after: string;
}

/** @param resource what the spans come from, as attributes */
export function envelope(resource: Attributes, version: string): Envelope {
  const [head, tail] = [
    JSON.stringify({ resource: { attributes: keyValues(resource) } }).slice(0, -1),
    JSON.stringify({ scope: { name: 'outrigger', version } }).slice(0, -1),
  ];
  return { before: `{"resourceSpans":[${head},"scopeSpans":[${tail},"spans":[`, after: ']}]}]}' };
}

/** Characters of a value that are kept: paths and user agents are as long as their senders like. */
const MOST_CHARACTERS = 1_024;

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? text.slice(0, MOST_CHARACTERS) : text;
}

function keyValues(attributes: Attributes): object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  );
}

function anyValue(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: cut(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
