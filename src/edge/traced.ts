import type { IncomingMessage } from 'node:http';
import { parseTraceparent, passedTracestate } from '../pipeline/trace-context.js';
import type { BeginTrace, CallTrace, TraceStart } from '../policies/trace.js';
import type { RequestHead } from './headers.js';
import type { PreparedRoute } from './intake.js';

/**
 * Continues the trace that a request says it belongs to, or begins one (W3C Trace Context, 4.3). Property by property: V8
 * gives objects that were spread from others hidden classes of their own, and collecting those costs far more than the ids.
 */
export function traced(
  beginTrace: BeginTrace,
  { httpVersion, socket }: IncomingMessage,
  { traceparent, tracestate }: RequestHead,
  { method, host, path, startedAt }: Pick<TraceStart, 'method' | 'host' | 'path' | 'startedAt'>,
  route: PreparedRoute | undefined,
): CallTrace {
  const parent = parseTraceparent(traceparent);
  const edited = route?.requestEdits.drop;
  return beginTrace({
    parent,
    // Without a valid traceparent, a tracestate means nothing.
    state: parent === undefined || edited?.has('tracestate') === true ? undefined : passedTracestate(tracestate),
    propagated: edited?.has('traceparent') !== true,
    method,
    host,
    path,
    pathPattern: route?.match.path,
    httpVersion,
    client: socket.remoteAddress,
    startedAt,
  });
}
