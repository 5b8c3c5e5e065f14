import { Agent } from 'undici';
import { Listener } from '../../src/edge/listener.js';
import type { EdgeRoute } from '../../src/edge/route.js';
import { createSharedContext } from '../../src/edge/edge-context.js';
import { createEdge, type Edge } from '../../src/edge/server.js';
import { OutriggerError } from '../../src/errors.js';
import { ReplayMemory } from '../../src/pipeline/replay-memory.js';
import type { CallEvent, PolicyEvent } from '../../src/policies/events.js';
import type { CallOptions, Dispatch } from '../../src/policies/policy.js';
import { systemClock, type Clock } from '../../src/runtime/clock.js';
import { nextRound } from '../../src/runtime/polling.js';

export interface EdgeHarness {
  readonly port: number;
  readonly origin: string;
  readonly edge: Edge;
  readonly listener: Listener;
  readonly events: readonly (CallEvent | PolicyEvent)[];
  readonly memory: ReplayMemory;
  /** The calls that have ended. */
  calls(): CallEvent[];
  /** Waits until so many calls have ended. */
  callsEnded(count: number): Promise<CallEvent[]>;
  close(): Promise<void>;
}

export interface HarnessOptions {
  readonly clock?: Clock;
  readonly replayMemory?: number;
  readonly maxHeaderSize?: number;
  readonly headersTimeoutMs?: number;
  readonly maxConnections?: number;
  readonly maxEventLoopDelayMs?: number;
  readonly listen?: { readonly path: string };
}

/** A route with nothing special about it. */
export function routeTo(dispatch: Dispatch, over: Partial<EdgeRoute> = {}): EdgeRoute {
  return {
    name: 'charge',
    match: {},
    upstream: 'payments',
    rewrite: {},
    requestHeaders: { set: {}, remove: [] },
    responseHeaders: { set: {}, remove: [] },
    preserveHost: false,
    idleTimeoutMs: 60_000,
    maxBodySize: 64 * 1024,
    dispatch,
    ...over,
  };
}

/** One attempt at an origin, without any policy. */
export function dispatchTo(agent: Agent, origin: string): Dispatch {
  return (opts: CallOptions, handler) => {
    const { call } = opts;
    if (call === undefined) throw new Error('a call without its context');
    call.attempts++;
    const headers = [...(opts.headers as string[]), ...call.forwarded];
    return agent.dispatch({ ...opts, origin, headers, body: call.body.forAttempt() }, handler);
  };
}

/** The edge on a free port, before routes that go straight to an agent. */
export async function startEdge(
  routes: readonly EdgeRoute[] | ((agent: Agent) => readonly EdgeRoute[]),
  options: HarnessOptions = {},
): Promise<EdgeHarness> {
  const agent = new Agent({ connections: 50 });
  const events: (CallEvent | PolicyEvent)[] = [];
  const wakers = new Set<() => void>();
  const emit = (event: CallEvent | PolicyEvent) => {
    events.push(event);
    for (const waker of [...wakers]) waker();
  };
  const memory = new ReplayMemory(options.replayMemory ?? 1024 * 1024);
  const edge = await createEdge({
    routes: typeof routes === 'function' ? routes(agent) : routes,
    context: createSharedContext({ clock: options.clock ?? systemClock, emit }),
    replayMemory: memory,
  });
  const listener = new Listener(
    {
      maxHeaderSize: options.maxHeaderSize ?? 16 * 1024,
      headersTimeoutMs: options.headersTimeoutMs ?? 10_000,
      maxConnections: options.maxConnections ?? 1_000,
      maxEventLoopDelayMs: options.maxEventLoopDelayMs ?? Infinity,
    },
    edge,
    { clock: options.clock ?? systemClock, emit, nextRound },
  );
  const address = await listener.listen(options.listen ?? { host: '127.0.0.1', port: 0 });
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  const calls = () => events.filter((event) => event.type === 'call');
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    edge,
    listener,
    events,
    memory,
    calls,
    callsEnded: (count) =>
      new Promise((resolve) => {
        const check = () => {
          if (calls().length < count) return;
          wakers.delete(check);
          resolve(calls());
        };
        wakers.add(check);
        check();
      }),
    async close() {
      listener.closeAllConnections();
      await listener.close();
      await edge.close();
      await agent.destroy(new OutriggerError('cancelled', 'the test is over'));
    },
  };
}
