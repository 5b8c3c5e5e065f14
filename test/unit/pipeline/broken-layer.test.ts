/** A layer that throws costs its call and nothing else, wherever it stands and whenever it throws. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Layer } from '../../../src/pipeline/compose.js';
import { LocalController, PassThrough } from '../../../src/policies/pass-through.js';
import type { Controller, Dispatch, Handler, Policy, ResponseHeaders } from '../../../src/policies/policy.js';
import { createLine, type Line, type LineOptions } from '../../support/line.js';

type Callback = 'onRequestStart' | 'onResponseStart' | 'onResponseData' | 'onResponseEnd' | 'onResponseError';
type Moment = 'dispatch' | Callback;

const CALLBACKS: readonly Callback[] = [
  'onRequestStart',
  'onResponseStart',
  'onResponseData',
  'onResponseEnd',
  'onResponseError',
];

/** Where and when a layer throws: before or after it has handed on what it was told. */
interface Break {
  /** Before the layer with this index; beyond the last one: below all. */
  readonly place: number;
  readonly moment: Moment;
  readonly after: boolean;
}

/** Throws while it is on. */
class Saboteur {
  on = true;
  thrown = 0;
  readonly #moment: Moment;
  readonly #after: boolean;

  constructor({ moment, after }: Break) {
    this.#moment = moment;
    this.#after = after;
  }

  readonly policy: Policy = (dispatch) => (opts, handler) => {
    let result = true;
    this.passing('dispatch', () => {
      result = dispatch(opts, new BrokenHandler(handler, this));
    });
    return result;
  };

  passing(moment: Moment, handOn: () => void): void {
    const breaks = this.on && moment === this.#moment;
    if (!breaks || this.#after) handOn();
    if (!breaks) return;
    this.thrown++;
    throw new TypeError(`broken in ${moment}`);
  }
}

class BrokenHandler extends PassThrough {
  readonly #saboteur: Saboteur;

  constructor(next: Handler, saboteur: Saboteur) {
    super(next);
    this.#saboteur = saboteur;
  }

  override onRequestStart(controller: Controller, context: unknown): void {
    this.#saboteur.passing('onRequestStart', () => super.onRequestStart(controller, context));
  }

  override onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    this.#saboteur.passing('onResponseStart', () => super.onResponseStart(controller, status, headers, text));
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    this.#saboteur.passing('onResponseData', () => super.onResponseData(controller, chunk));
  }

  override onResponseEnd(controller: Controller, trailers: ResponseHeaders): void {
    this.#saboteur.passing('onResponseEnd', () => super.onResponseEnd(controller, trailers));
  }

  override onResponseError(controller: Controller, error: Error): void {
    this.#saboteur.passing('onResponseError', () => super.onResponseError(controller, error));
  }
}

const SECOND = 1_000;

const FINE = { status: 200, after: 50, body: 'fine' };

/** Lines in which something is held at the moment of the break: places, permits, timers, held answers, other attempts. */
const LINES: Readonly<Record<string, LineOptions>> = {
  'a plain call': { endpoints: { a: [FINE] }, concurrency: { limit: 1 } },
  'a call with a hedge': {
    endpoints: { a: [FINE], b: [FINE] },
    concurrency: { limit: 2 },
    hedge: { delay: '10ms', max: 1 },
  },
  'a call with a retry': {
    endpoints: { a: [503, FINE] },
    concurrency: { limit: 1 },
    retry: { maxAttempts: 2 },
  },
  'a call that times out': {
    endpoints: { a: ['hang', FINE] },
    concurrency: { limit: 1 },
    attemptTimeout: '100ms',
    timeout: '5s',
    retry: { maxAttempts: 1 },
  },
  'a call past its deadline': {
    endpoints: { a: ['hang', FINE] },
    concurrency: { limit: 1 },
    attemptTimeout: false,
    timeout: '100ms',
  },
  'a call with faults': {
    endpoints: { a: [FINE] },
    concurrency: { limit: 1 },
    faults: [{ percent: 1, delay: '10ms' }],
  },
  'a call with a fallback': {
    endpoints: { a: [{ status: 500, after: 50, body: 'bad' }, FINE] },
    concurrency: { limit: 1 },
    retry: false,
    fallback: { steps: [{ stale: {} }, { upstream: 'other' }, { response: { body: 'static' } }] },
    elsewhere: { other: [{ status: 500, after: 50 }] },
  },
};

function broken(options: LineOptions, at: Break): { readonly line: Line; readonly saboteur: Saboteur } {
  const saboteur = new Saboteur(at);
  const layer: Layer = { name: 'broken', why: 'it is broken', policy: saboteur.policy };
  const among = (layers: readonly Layer[]) => [...layers.slice(0, at.place), layer, ...layers.slice(at.place)];
  return { line: createLine({ ...options, among }), saboteur };
}

/** The names of a column's layers. */
function layerNames(): readonly string[] {
  let names: readonly string[] = [];
  createLine({
    among: (layers) => {
      names = layers.map(({ name }) => name);
      return layers;
    },
  });
  return names;
}

const NAMES = layerNames();
const TRANSPORT = NAMES.indexOf('transport');

function* breaks(): Generator<Break> {
  for (let place = 0; place <= NAMES.length; place++) {
    for (const after of [false, true]) {
      yield { place, moment: 'dispatch', after };
      // What is below the transport wraps no handler.
      if (place <= TRANSPORT) for (const moment of CALLBACKS) yield { place, moment, after };
    }
  }
}

describe('a layer that throws', () => {
  it('is looked for at every place', () => {
    assert.ok(TRANSPORT > 5);
    assert.equal([...breaks()].length, 2 * (NAMES.length + 1 + CALLBACKS.length * (TRANSPORT + 1)));
  });

  for (const [what, options] of Object.entries(LINES)) {
    it(`ends ${what} once, gives back all that it held, and leaves the next call alone`, () => {
      let thrown = 0;
      for (const at of breaks()) {
        const said = `${at.moment} ${at.after ? 'after' : 'before'} handing on, above ${NAMES[at.place] ?? 'the pool'}`;
        const { line, saboteur } = broken(options, at);
        const first = line.run();
        thrown += saboteur.thrown;
        // What had ended before stays as it was.
        const late = (at.moment === 'onResponseEnd' || at.moment === 'onResponseError') && at.after;
        if (saboteur.thrown > 0 && !late) assert.equal(first.error?.code, 'internal', said);
        saboteur.on = false;
        assert.doesNotThrow(() => line.finish(SECOND), said);
        // A place that was not given back would leave none.
        const next = line.run();
        assert.ok(next.error === undefined || next.error.code === 'timeout' || next.error.code === 'deadline', said);
        line.finish(SECOND);
      }
      assert.ok(thrown > 30, `${thrown} breaks`);
    });
  }

  it('gives the permit of a half-open circuit back', () => {
    for (const place of [0, NAMES.indexOf('endpoint'), NAMES.indexOf('circuit breaker'), TRANSPORT]) {
      const { line, saboteur } = broken(
        {
          endpoints: { a: [503, 200] },
          retry: false,
          circuitBreaker: { consecutiveFailures: 1, halfOpenProbes: 1, probeShare: 0, openFor: '1s' },
        },
        { place, moment: 'dispatch', after: false },
      );
      saboteur.on = false;
      line.run();
      assert.equal(line.circuit().state, 'open');
      line.advance(1_500);
      saboteur.on = true;
      assert.equal(line.run().error?.code, 'internal');
      saboteur.on = false;
      assert.equal(line.run().status, 200, NAMES[place]);
    }
  });

  it('lets the one go on who waits for its place', () => {
    for (const at of breaks()) {
      const { line, saboteur } = broken(
        { endpoints: { a: [FINE] }, concurrency: { limit: 1, queue: 1, queueTimeout: '1s' } },
        at,
      );
      saboteur.on = false;
      line.call();
      const waiting = line.call();
      saboteur.on = true;
      line.advance(55);
      saboteur.on = false;
      line.finish(SECOND);
      if (waiting.error !== undefined) assert.equal(waiting.error.code, 'internal');
      assert.equal(line.run().status, 200);
    }
  });

  it('does not have an attempt sent that waited for a place, for a call that is over', () => {
    const { line, saboteur } = broken(
      { endpoints: { a: [FINE] }, concurrency: { limit: 1, queue: 1, queueTimeout: '1s' } },
      { place: 0, moment: 'onRequestStart', after: false },
    );
    saboteur.on = false;
    line.call();
    saboteur.on = true;
    assert.equal(line.call().error?.code, 'internal');
    line.finish(SECOND);
    assert.equal(line.seen().length, 1);
  });
});

/** An endpoint whose attempts can't be cut: it answers a head with this status, or none, and no more. */
function uncuttable(status?: number): { readonly dispatch: Dispatch } {
  return {
    dispatch: (_opts, handler) => {
      const controller = new LocalController([]);
      controller.abort = () => {
        throw new TypeError('it can not be cut');
      };
      handler.onRequestStart?.(controller, null);
      if (status !== undefined) handler.onResponseStart?.(controller, status, {});
      return true;
    },
  };
}

describe('what a timer sets off and throws', () => {
  for (const [what, options] of Object.entries<LineOptions>({
    'an attempt that timed out': { endpoints: { a: uncuttable() }, attemptTimeout: '100ms' },
    'the deadline': { endpoints: { a: uncuttable() }, attemptTimeout: false, timeout: '100ms' },
    'a retry beside an answer that still comes': {
      endpoints: { a: uncuttable(503) },
      concurrency: { limit: 2 },
    },
    'a retry in the place of an answer that still comes': { endpoints: { a: uncuttable(503) } },
    'a hedge': {
      endpoints: { a: [{ status: 200, after: 100 }] },
      hedge: { delay: '10ms' },
      retry: false,
      retriesEnabled: () => {
        throw new TypeError('nobody knows');
      },
    },
  })) {
    it(`ends the call: ${what}`, () => {
      const line = createLine({ circuitBreaker: false, concurrency: { limit: 1 }, ...options });
      const call = line.run();
      assert.equal(call.error?.code, 'internal');
      assert.match(String(call.error.cause), /it can not be cut|nobody knows/);
      line.advance(SECOND);
      assert.equal(call.ends, 1);
      assert.equal(line.upstream.limiters?.view().inFlight, 0);
      assert.equal(line.clock.pending, 0);
    });
  }
});
