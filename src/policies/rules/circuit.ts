import type { Random } from '../../runtime/random.js';
import type { CircuitStateName } from '../events.js';
import type { Permit } from '../policy.js';
import { CircuitCounts, type CircuitShares, type CircuitThresholds } from './circuit-counts.js';
import { type AttemptEnd, CircuitPermit, type PermitOwner } from './circuit-permit.js';
import { CircuitRamp } from './circuit-ramp.js';
import { ProbeSpacing } from './probe-spacing.js';

export interface CircuitRules extends CircuitThresholds {
  /** Undefined: no call is slow. */
  readonly slowCallMs: number | undefined;
  readonly openForMs: number;
  readonly maxOpenForMs: number;
  readonly probeShare: number;
  readonly halfOpenProbes: number;
  /** How long admitted traffic takes to grow back after closing. */
  readonly rampMs: number;
  /** A half-open permit older than this is given back, so that half-open can never stick. */
  readonly permitMs: number;
}

/** A refusal, and when asking again makes sense. */
export interface Refusal {
  readonly retryAfterMs: number;
  /** By an operator, not by what attempts were like. */
  readonly forced?: true;
}

export type Admission = Permit | Refusal;

export function isPermit(admission: Admission): admission is Permit {
  return 'success' in admission;
}

export interface Transition {
  readonly from: CircuitStateName;
  readonly to: CircuitStateName;
  readonly reason: string;
  /** How long it stays so at most; undefined for ever. */
  readonly forMs: number | undefined;
}

export interface CircuitSnapshot extends CircuitShares {
  readonly state: CircuitStateName;
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly remainingMs: number | undefined;
}

type State =
  | { readonly name: 'closed'; readonly since: number }
  | { readonly name: 'ramping'; readonly since: number; readonly until: number; readonly ramp: CircuitRamp }
  | {
      readonly name: 'open';
      readonly since: number;
      readonly until: number;
      readonly spacing: ProbeSpacing;
      probes: CircuitPermit[];
    }
  | { readonly name: 'half-open'; readonly since: number; probes: CircuitPermit[]; successes: number }
  | { readonly name: 'forced-open' | 'forced-closed'; readonly since: number; readonly until: number };

/** How much the open time varies, so that a fleet does not probe together. */
const OPEN_JITTER = 0.2;

/** What a refusal says where no time is known: while ramping, and while half-open permits are out. */
const SOON: Refusal = { retryAfterMs: 1_000 };

/**
 * closed → open → half-open → ramping → closed, with a trickle of probes while open.
 *
 * A state machine without I/O: who asks passes the time and gets a permit or a refusal. Results of permits from before the
 * last change of state are discarded by their generation number (as gobreaker does).
 */
export class Circuit implements PermitOwner {
  readonly #rules: CircuitRules;
  readonly #random: Random;
  readonly #onTransition: (transition: Transition) => void;
  readonly #counts: CircuitCounts;
  #reopenings = 0;
  #generation = 0;
  #state: State = { name: 'closed', since: 0 };

  constructor(rules: CircuitRules, random: Random, onTransition: (transition: Transition) => void) {
    this.#rules = rules;
    this.#random = random;
    this.#onTransition = onTransition;
    this.#counts = new CircuitCounts(rules);
  }

  /** Asks for leave to make an attempt. */
  admit(now: number): Admission {
    this.#settle(now);
    const state = this.#state;
    switch (state.name) {
      case 'closed':
      case 'forced-closed':
        return new CircuitPermit(this, this.#generation, now);
      case 'ramping':
        return state.ramp.admits((now - state.since) / (state.until - state.since), this.#random)
          ? new CircuitPermit(this, this.#generation, now)
          : SOON;
      case 'forced-open':
        return {
          retryAfterMs: Number.isFinite(state.until) ? state.until - now : SOON.retryAfterMs,
          forced: true,
        };
      case 'open':
        return this.#admitProbe(state, now) ?? { retryAfterMs: state.until - now };
      case 'half-open':
        return this.#admitHalfOpen(state, now) ?? SOON;
    }
  }

  /** Forces a state, for at most `ttlMs` (Infinity: until `reset`). Forced open lets no probe through. */
  force(name: 'forced-open' | 'forced-closed', ttlMs: number, now: number): void {
    this.#change({ name, since: now, until: now + ttlMs }, 'forced', ttlMs);
  }

  /** Back to closed, with an empty window. */
  reset(now: number, reason = 'reset'): void {
    this.#reopenings = 0;
    this.#change({ name: 'closed', since: now }, reason, undefined);
  }

  get isForced(): boolean {
    return this.#state.name === 'forced-open' || this.#state.name === 'forced-closed';
  }

  get mayBeForgotten(): boolean {
    return this.#state.name === 'closed';
  }

  snapshot(now: number): CircuitSnapshot {
    this.#settle(now);
    const until = 'until' in this.#state ? this.#state.until : Infinity;
    return {
      state: this.#state.name,
      since: this.#state.since,
      ...this.#counts.shares(now),
      remainingMs: Number.isFinite(until) ? Math.max(0, until - now) : undefined,
    };
  }

  /** A permit's attempt ended. Only CircuitPermit calls this, once for each permit. */
  record(permit: CircuitPermit, result: AttemptEnd, now: number, retryAfterMs?: number): void {
    if (permit.generation !== this.#generation) return;
    const slow = this.#rules.slowCallMs !== undefined && now - permit.since > this.#rules.slowCallMs;
    const state = this.#state;
    switch (state.name) {
      case 'closed':
      case 'ramping':
        if (state.name === 'ramping') state.ramp.ended(result === 'success' && slow ? 'failure' : result);
        if (result === 'ignored') return;
        permit.countedIn = this.#counts.add(now, result === 'failure', slow);
        this.#openIfDue(now, retryAfterMs);
        return;
      case 'open':
        state.probes = state.probes.filter((probe) => probe !== permit);
        if (result === 'success' && !slow) this.#halfOpen(now, 'probe-succeeded', 1);
        return;
      case 'half-open':
        state.probes = state.probes.filter((probe) => probe !== permit);
        if (result === 'ignored') return;
        if (result === 'failure' || slow) this.#open(now, slow ? 'probe-slow' : 'probe-failed', retryAfterMs);
        else if (++state.successes >= this.#rules.halfOpenProbes) this.#close(now);
        return;
      default:
        return;
    }
  }

  /** The body of an answer that had counted as a success broke: it was none. Only CircuitPermit calls this. */
  revoke(permit: CircuitPermit, now: number): void {
    if (permit.generation !== this.#generation) return;
    switch (this.#state.name) {
      case 'closed':
      case 'ramping':
        this.#counts.takeBack(now, permit.countedIn);
        this.#openIfDue(now, undefined);
        return;
      case 'half-open':
        this.#open(now, 'probe-failed');
        return;
      default:
        return;
    }
  }

  #openIfDue(now: number, retryAfterMs: number | undefined): void {
    const reason = this.#counts.reasonToOpen(now);
    if (reason !== undefined) this.#open(now, reason, retryAfterMs);
  }

  #open(now: number, reason: string, retryAfterMs = 0): void {
    // Opening again before all traffic was back means that the upstream had not recovered.
    const reopened = this.#state.name !== 'closed';
    this.#reopenings = reopened ? this.#reopenings + 1 : 0;
    const { openForMs, maxOpenForMs, probeShare } = this.#rules;
    const planned = Math.min(maxOpenForMs, openForMs * 2 ** Math.min(this.#reopenings, 64));
    const jittered = planned * (1 - OPEN_JITTER + 2 * OPEN_JITTER * this.#random());
    // What chance takes over the maximum is taken off it instead: never longer, and a fleet at its maximum still spreads.
    const bounded = jittered > maxOpenForMs ? 2 * maxOpenForMs - jittered : jittered;
    const forMs = Math.max(bounded, Math.min(retryAfterMs, maxOpenForMs));
    const spacing = new ProbeSpacing(probeShare, this.#random, reopened);
    this.#change({ name: 'open', since: now, until: now + forMs, spacing, probes: [] }, reason, forMs);
  }

  #halfOpen(now: number, reason: string, successes: number): void {
    this.#change({ name: 'half-open', since: now, probes: [], successes }, reason, undefined);
    if (successes >= this.#rules.halfOpenProbes) this.#close(now);
  }

  #close(now: number): void {
    const { rampMs, halfOpenProbes } = this.#rules;
    if (rampMs > 0) {
      const ramp = new CircuitRamp(halfOpenProbes);
      this.#change({ name: 'ramping', since: now, until: now + rampMs, ramp }, 'probes-succeeded', rampMs);
    } else {
      this.#reopenings = 0;
      this.#change({ name: 'closed', since: now }, 'probes-succeeded', undefined);
    }
  }

  /** What time alone brings: the ramp's end and the end of a forced state. */
  #settle(now: number): void {
    const state = this.#state;
    if (state.name === 'ramping' && now >= state.until) {
      this.#reopenings = 0;
      // The window goes on: what was counted while ramping is evidence, and permits that are out stay valid.
      this.#state = { name: 'closed', since: now };
      this.#onTransition({ from: 'ramping', to: 'closed', reason: 'ramp-over', forMs: undefined });
    } else if ((state.name === 'forced-open' || state.name === 'forced-closed') && now >= state.until) {
      this.#reopenings = 0;
      this.#change({ name: 'closed', since: now }, 'ttl-over', undefined);
    }
  }

  #change(next: State, reason: string, forMs: number | undefined): void {
    const from = this.#state.name;
    this.#state = next;
    this.#generation++;
    if (next.name === 'open') this.#counts.endRow();
    else this.#counts.clear();
    const lasting = forMs !== undefined && Number.isFinite(forMs) ? forMs : undefined;
    if (from !== next.name || reason === 'forced') this.#onTransition({ from, to: next.name, reason, forMs: lasting });
  }

  #admitProbe(state: Extract<State, { name: 'open' }>, now: number): Permit | undefined {
    if (now >= state.until) {
      this.#halfOpen(now, 'open-time-over', 0);
      return this.#state.name === 'half-open' ? this.#admitHalfOpen(this.#state, now) : undefined;
    }
    if (!state.spacing.isDue() || this.#outstanding(state, now) >= this.#rules.halfOpenProbes) return undefined;
    state.spacing.take();
    return this.#lend(state, now);
  }

  #admitHalfOpen(state: Extract<State, { name: 'half-open' }>, now: number): Permit | undefined {
    return this.#outstanding(state, now) + state.successes < this.#rules.halfOpenProbes
      ? this.#lend(state, now)
      : undefined;
  }

  /** How many probes are out, those that outlived their time given back: there are never many. */
  #outstanding(state: { probes: CircuitPermit[] }, now: number): number {
    state.probes = state.probes.filter((probe) => now - probe.since < this.#rules.permitMs);
    return state.probes.length;
  }

  #lend(state: Extract<State, { probes: CircuitPermit[] }>, now: number): Permit {
    const permit = new CircuitPermit(this, this.#generation, now, state.name === 'half-open');
    state.probes.push(permit);
    return permit;
  }
}
