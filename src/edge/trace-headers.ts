import type { IncomingMessage } from 'node:http';
import { parseTraceparent, passedTracestate } from '../pipeline/trace-context.js';
import type { BeginTrace, CallTrace, TraceStart } from '../policies/trace.js';
import { withoutNames } from './header-edits.js';
import { headerOf, type RequestHead } from './headers.js';
import type { PreparedRoute } from './intake.js';

const TRACEPARENT = 'traceparent';
const TRACESTATE = 'tracestate';
const TRACE_CONTEXT: ReadonlySet<string> = new Set([TRACEPARENT, TRACESTATE]);

/** A request's head without the headers that name a span which is not the one that an upstream is asked by. */
export function withoutTraceContext(head: RequestHead): RequestHead {
  return { ...head, headers: withoutNames(head.headers, TRACE_CONTEXT) };
}

/** Continues the trace that a request says it belongs to, or begins one (W3C Trace Context, 4.3). */
export function traced(
  beginTrace: BeginTrace,
  request: IncomingMessage,
  known: Pick<TraceStart, 'method' | 'host' | 'path' | 'startedAt'>,
  route: PreparedRoute | undefined,
): CallTrace {
  const { rawHeaders, httpVersion, socket } = request;
  const parent = parseTraceparent(headerOf(rawHeaders, TRACEPARENT));
  const edited = route?.requestEdits.drop;
  return beginTrace({
    ...known,
    parent,
    // Without a valid traceparent, a tracestate means nothing.
    state:
      parent === undefined || edited?.has(TRACESTATE) === true
        ? undefined
        : passedTracestate(headerOf(rawHeaders, TRACESTATE)),
    propagated: edited?.has(TRACEPARENT) !== true,
    pathPattern: route?.match.path,
    httpVersion,
    client: socket.remoteAddress,
  });
}
