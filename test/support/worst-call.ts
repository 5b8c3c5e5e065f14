import assert from 'node:assert/strict';
import type { Config } from '../../src/config/config.js';
import type { CallOptions, Dispatch, Handler, Random } from '../../src/policies/policy.js';
import { scriptedDispatch, type Answer } from '../../src/simulation/scripted-upstream.js';
import { Sidecar } from '../../src/simulation/sidecar.js';
import { VirtualClock } from '../../src/simulation/virtual-clock.js';

/** What an upstream does with an attempt: a scripted answer, or no connection until it is refused. */
export type WorstAnswer = Answer | { readonly refuseAfter: number };

export interface PlayedCall {
  readonly method?: string;
  readonly path?: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly random?: Random;
  /** By the upstream's name and the attempt's number there, from 0. */
  readonly answer: (upstream: string, attempt: number) => WorstAnswer;
  /** Other calls, to `/other`, and when each begins. */
  readonly others?: readonly number[];
  /** What the upstreams do with those. */
  readonly otherAnswer?: (call: number) => WorstAnswer;
}

/** Jitter at its longest. */
const ALMOST_ONE: Random = () => 1 - Number.EPSILON / 2;

/** One call, played in virtual time by the policies themselves: how long it took, and how many attempts it made. */
export function playCall(
  config: Config,
  played: PlayedCall,
): { readonly elapsedMs: number; readonly attempts: number } {
  const { method = 'GET', path = '/x', headers = {}, others = [] } = played;
  const clock = new VirtualClock();
  const counts = new Map<string, number>();
  let othersSeen = 0;
  const answerTo = (upstream: string, opts: CallOptions): WorstAnswer => {
    if (opts.path === '/other') return played.otherAnswer?.(othersSeen++) ?? 200;
    const before = counts.get(upstream) ?? 0;
    counts.set(upstream, before + 1);
    return played.answer(upstream, before);
  };
  const sidecar = new Sidecar({
    config,
    clock,
    random: played.random ?? ALMOST_ONE,
    dispatchTo: ({ name }) => dispatchOf(clock, (opts) => answerTo(name, opts)),
  });
  for (const at of others) {
    const request = sidecar.prepare({ method: 'GET', path: '/other', headers: {} });
    clock.setTimer(at, () => void sidecar.call(request, () => undefined));
  }
  clock.advance(0);
  const call = sidecar.call(sidecar.prepare({ method, path, headers }), () => undefined);
  while (call.endedAt === undefined) assert.ok(clock.step(), 'the call never ends');
  return { elapsedMs: call.endedAt - call.startedAt, attempts: call.call?.attempts ?? 0 };
}

function dispatchOf(clock: VirtualClock, answer: (opts: CallOptions) => WorstAnswer): Dispatch {
  return (opts, handler) => {
    const given = answer(opts);
    if (typeof given === 'object' && 'refuseAfter' in given) {
      clock.setTimer(given.refuseAfter, () => refuse(handler));
      return true;
    }
    return scriptedDispatch(clock, () => given)(opts, handler);
  };
}

function refuse(handler: Handler): void {
  const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
  handler.onResponseError?.(undefined as never, error);
}
