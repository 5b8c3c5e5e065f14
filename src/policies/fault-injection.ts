import { Type, type Static } from '@sinclair/typebox';
import { OutriggerError } from '../errors.js';
import { withAttempt } from './call-context.js';
import { contain } from './containment.js';
import { LocalController } from './pass-through.js';
import type { Call, CallOptions, Handler, Policy, PolicyDeps, Random } from './policy.js';
import { choice, duration, integer, ratio } from './rules/option-types.js';
import { parseDuration, parseRatio } from './rules/units.js';

const percent = ratio(undefined, 'The share of attempts it happens to.');

/** One fault; which one is told by its key. */
export const Fault = Type.Union(
  [
    Type.Object(
      { percent, delay: duration(undefined, 'A wait; the attempt then goes on.') },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        percent,
        status: integer(undefined, "The status of an answer in place of the upstream's.", {
          minimum: 200,
          maximum: 599,
        }),
      },
      { additionalProperties: false },
    ),
    Type.Object(
      { percent, abort: choice(['reset', 'refuse'], undefined, 'A broken or a refused connection.') },
      { additionalProperties: false },
    ),
  ],
  { byKey: ['delay', 'status', 'abort'] },
);
export type Fault = Static<typeof Fault>;

/** Injects faults on purpose in place of the upstream's answer. Innermost, below the transport: retries, circuits, timeouts and fallbacks meet them as the upstream's own, and each is an attempt. */
export const FaultInjectionOptions = Type.Object(
  { faults: Type.Array(Fault, { description: 'Drawn in this order; a delay then goes on.' }) },
  { additionalProperties: false },
);
export type FaultInjectionOptions = Static<typeof FaultInjectionOptions>;

/** A fault as it is drawn. */
interface Chance {
  readonly share: number;
  readonly fault: Fault;
}

export function faultInjection(options: FaultInjectionOptions, deps: PolicyDeps): Policy {
  const chances: Chance[] = options.faults.map((fault) => ({ share: parseRatio(fault.percent), fault }));
  const { clock, emit, random } = deps;
  return (dispatch) => (given: CallOptions, handler) => {
    const { delayMs, last } = draw(chances, random);
    if (delayMs === undefined && last === undefined) return dispatch(given, handler);
    const opts = withAttempt(given, clock);
    const { attempt } = opts;
    const { call } = attempt;
    if (delayMs !== undefined) {
      emit({ type: 'fault', call, kind: 'delay' });
      // It stands for a slow upstream, which would have had the request by now.
      if (!isRefusal(last)) call.sent = true;
    }
    if (last !== undefined) emit({ type: 'fault', call, kind: 'status' in last ? 'status' : 'abort' });
    // Also without a delay the answer comes a turn later, as any upstream's would.
    attempt.waiting = clock.setTimer(delayMs ?? 0, () =>
      contain(handler, () => {
        if (last === undefined) dispatch(opts, handler);
        else inject(last, call, handler);
      }),
    );
    return true;
  };
}

/** What an operator is told at the start; undefined where no fault is on. */
export function describeFaults({ faults }: FaultInjectionOptions): string | undefined {
  if (faults.length === 0) return undefined;
  return faults
    .map((fault) => {
      const share = typeof fault.percent === 'number' ? `${Number((fault.percent * 100).toFixed(4))}%` : fault.percent;
      if ('delay' in fault) return `${share} delay ${fault.delay}`;
      return 'status' in fault ? `${share} status ${fault.status}` : `${share} abort ${fault.abort}`;
    })
    .join(', ');
}

type LastFault = Exclude<Fault, { readonly delay: string }>;

interface Drawn {
  readonly delayMs: number | undefined;
  /** What ends the attempt. */
  readonly last: LastFault | undefined;
}

const NOTHING: Drawn = { delayMs: undefined, last: undefined };

function draw(chances: readonly Chance[], random: Random): Drawn {
  let drawn = NOTHING;
  for (const { share, fault } of chances) {
    if (random() >= share) continue;
    if (!('delay' in fault)) return { ...drawn, last: fault };
    drawn = { delayMs: (drawn.delayMs ?? 0) + parseDuration(fault.delay), last: undefined };
  }
  return drawn;
}

function isRefusal(fault: LastFault | undefined): boolean {
  return fault !== undefined && 'abort' in fault && fault.abort === 'refuse';
}

/** Calls back as a pool would: a refused connection never started. */
function inject(fault: LastFault, call: Call, handler: Handler): void {
  if ('status' in fault) {
    answer(fault.status, call, handler);
    return;
  }
  const controller = new LocalController(null);
  if (isRefusal(fault)) {
    const error = new OutriggerError('connect-failure', 'a refused connection was injected', { reason: 'refused' });
    handler.onResponseError?.(controller, error);
  } else {
    handler.onRequestStart?.(controller, null);
    const error = new OutriggerError('reset', 'a broken connection was injected', { reason: 'closed' });
    handler.onResponseError?.(controller, error);
  }
}

/** An answer that stands for the upstream's; an error of ours would be none to retries and circuits. */
function answer(status: number, call: Call, handler: Handler): void {
  const { headers, body } = problem(status, call);
  const controller = new LocalController(Object.entries(headers).flat());
  handler.onRequestStart?.(controller, null);
  handler.onResponseStart?.(controller, status, headers);
  if (body !== undefined) handler.onResponseData?.(controller, body);
  handler.onResponseEnd?.(controller, {});
}

function problem(status: number, { route, upstream, attempts, method }: Call) {
  const headers = { 'proxy-status': 'outrigger; error=proxy_internal_response', 'cache-control': 'no-store' };
  if (status === 204 || status === 304) return { headers, body: undefined };
  const body = Buffer.from(
    JSON.stringify({
      type: 'urn:outrigger:problem:fault',
      title: 'Injected fault',
      status,
      detail: 'A fault was injected on purpose, as the configuration asks.',
      code: 'fault',
      route,
      upstream,
      attempts,
    }),
  );
  return {
    headers: { ...headers, 'content-type': 'application/problem+json', 'content-length': String(body.length) },
    body: method === 'HEAD' ? undefined : body,
  };
}
