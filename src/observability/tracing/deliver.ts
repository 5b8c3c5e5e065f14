import { Agent, request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Clock } from '../../runtime/clock.js';
import type { Deliver, Delivery } from './exporter.js';

/** How long the collector may take to answer, in milliseconds; OpenTelemetry's own default. */
const TIMEOUT_MS = 10_000;

/** Of an answer so much is read: it says which spans were rejected and why. */
const MOST_ANSWER_BYTES = 16 * 1_024;

/** Statuses after which a request may be sent again (OTLP/HTTP, "Retryable Response Codes"). */
const RETRYABLE: ReadonlySet<number | undefined> = new Set([429, 502, 503, 504]);

/** The way to a collector. */
export interface CollectorLink {
  readonly deliver: Deliver;
  /** Closes the connection, which would live as long as the collector lets it. */
  readonly close: () => void;
}

/** Sends requests to an OTLP/HTTP collector over one connection that lives on. */
export function linkTo(url: string, headers: Readonly<Record<string, string>>, clock: Clock): CollectorLink {
  const secure = url.startsWith('https:');
  const agent = secure
    ? new SecureAgent({ keepAlive: true, maxSockets: 1 })
    : new Agent({ keepAlive: true, maxSockets: 1 });
  const send = secure ? secureRequest : plainRequest;
  const deliver: Deliver = (body, done) => {
    const options: RequestOptions = {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    };
    let over = false;
    const end = (delivery: Delivery) => {
      if (over) return;
      over = true;
      timer.cancel();
      done(delivery);
    };
    const request = send(url, options, (response) => read(response, end));
    const timer = clock.setTimer(
      TIMEOUT_MS,
      () => {
        end({ result: 'later', reason: 'the collector did not answer in time', afterMs: undefined });
        request.destroy();
      },
      true,
    );
    request.on('error', ({ message }) => end({ result: 'later', reason: message, afterMs: undefined }));
    // Node says of a switch of protocols that nobody asked for no more than this.
    request.on('close', () => end({ result: 'later', reason: 'the collector gave no answer', afterMs: undefined }));
    request.end(body);
  };
  return { deliver, close: () => agent.destroy() };
}

function read(response: IncomingMessage, end: (delivery: Delivery) => void): void {
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    if (text.length <= MOST_ANSWER_BYTES) return;
    // To read on would cost what calls need. The status says what became of the spans.
    end(deliveryOf(response, ''));
    response.destroy();
  });
  response.on('error', ({ message }) => end({ result: 'later', reason: message, afterMs: undefined }));
  response.on('end', () => end(deliveryOf(response, text)));
}

function deliveryOf({ statusCode = 0, headers }: IncomingMessage, text: string): Delivery {
  if (statusCode >= 200 && statusCode < 300) return { result: 'taken', ...rejectedIn(text) };
  const reason = `the collector answered ${statusCode}`;
  if (!RETRYABLE.has(statusCode)) return { result: 'refused', reason };
  const seconds = /^\d{1,6}$/.test(headers['retry-after'] ?? '') ? Number(headers['retry-after']) : undefined;
  return { result: 'later', reason, afterMs: seconds === undefined ? undefined : seconds * 1_000 };
}

/** ExportTraceServiceResponse; a collector that has nothing to say about it may answer anything. */
function rejectedIn(text: string): { readonly rejected: number; readonly reason?: string } {
  try {
    const { partialSuccess } = JSON.parse(text) as {
      partialSuccess?: { rejectedSpans?: unknown; errorMessage?: unknown };
    };
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    const { errorMessage } = partialSuccess ?? {};
    return {
      rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
      ...(typeof errorMessage === 'string' && errorMessage !== '' ? { reason: errorMessage.slice(0, 200) } : {}),
    };
  } catch {
    return { rejected: 0 };
  }
}
