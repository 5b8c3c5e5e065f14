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

/** Written piece by piece: objects of OTLP's shape would be a hundred for each span, only to be written by JSON.stringify. */
export function spanJson(span: Span): string {
  const { parentSpanId, traceState, parentIsRemote, error } = span;
  const flags = SAMPLED | PARENT_KNOWN | (parentIsRemote ? PARENT_REMOTE : 0);
  let text = `{"traceId":"${span.traceId}","spanId":"${span.spanId}"`;
  if (parentSpanId !== undefined) text += `,"parentSpanId":"${parentSpanId}"`;
  if (traceState !== undefined) text += `,"traceState":${quoted(traceState)}`;
  text += `,"flags":${flags},"name":${quoted(span.name)},"kind":${span.kind}`;
  text += `,"startTimeUnixNano":"${span.start}","endTimeUnixNano":"${span.end}"`;
  text += `,"attributes":${keyValues(span.attributes)}`;
  if (span.events.length > 0) text += `,"events":[${span.events.map(eventJson).join(',')}]`;
  if (span.droppedEvents > 0) text += `,"droppedEventsCount":${span.droppedEvents}`;
  if (error !== undefined) {
    text += `,"status":{"code":${STATUS_ERROR}${error === '' ? '' : `,"message":${quoted(cut(error))}`}}`;
  }
  return inOnePiece(`${text}}`);
}

function eventJson({ name, time, attributes }: Span['events'][number]): string {
  return `{"name":${quoted(name)},"timeUnixNano":"${time}","attributes":${keyValues(attributes)}}`;
}

/** V8 keeps what was put together as a tree of its parts, each of which a collection copies; reading a character ends that. */
function inOnePiece(text: string): string {
  text.charCodeAt(0);
  return text;
}

/** What stands around the spans of one request. */
export interface Envelope {
  readonly before: string;
  readonly after: string;
}

/** @param resource what the spans come from, as attributes */
export function envelope(resource: Attributes, version: string): Envelope {
  const [head, tail] = [
    `{"resource":{"attributes":${keyValues(resource)}}`,
    `{"scope":{"name":"outrigger","version":${quoted(version)}}`,
  ];
  return { before: `{"resourceSpans":[${head},"scopeSpans":[${tail},"spans":[`, after: ']}]}]}' };
}

/** Characters of a value that are kept: paths and user agents are as long as their senders like. */
const MOST_CHARACTERS = 1_024;

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? text.slice(0, MOST_CHARACTERS) : text;
}

function keyValues(attributes: Attributes): string {
  let text = '';
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) text += `${text === '' ? '' : ','}{"key":"${key}","value":${anyValue(value)}}`;
  }
  return `[${text}]`;
}

function anyValue(value: string | number | boolean): string {
  if (typeof value === 'string') return `{"stringValue":${quoted(cut(value))}}`;
  if (typeof value === 'boolean') return `{"boolValue":${value}}`;
  return Number.isInteger(value) ? `{"intValue":"${value}"}` : `{"doubleValue":${value}}`;
}

/** Printable ASCII without what JSON escapes: nearly every value. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
