import { api, type CircuitShape } from './api.js';
import type { Ask } from './ask.js';
import { button, byId, make, setAttribute, setText } from './dom.js';
import { percent, plural, timeSpan } from './format.js';
import { badge, Table, text, type Column } from './table.js';

type State = CircuitShape['state'];

/** How each state looks, the worst first. */
export const TONES: Readonly<Record<State, string>> = {
  'forced-open': 'bad',
  open: 'bad',
  'half-open': 'warn',
  ramping: 'warn',
  'forced-closed': 'warn',
  closed: 'good',
};
const WORST_FIRST = Object.keys(TONES);

/** The same for what else an event may say that something became. */
export const STATE_TONES: Readonly<Record<string, string | undefined>> = {
  ...TONES,
  healthy: 'good',
  recovered: 'good',
  unhealthy: 'bad',
  invalid: 'bad',
  failed: 'bad',
};

/** A circuit, at the time that it is shown. */
interface Row extends CircuitShape {
  /** How long ago this was so, in milliseconds. */
  readonly ageMs: number;
  /** How long it has been in this state. */
  readonly forMs: number;
}

/** Which circuits something is done to. Without a key: all of the upstream. */
export interface Target {
  readonly upstream: string;
  readonly key?: string;
}

/** All circuits, with what an operator can do to each. */
export class CircuitTable {
  readonly #table: Table<Row>;
  readonly #sum = byId('circuits-sum', HTMLParagraphElement);
  #circuits: readonly CircuitShape[] = [];
  #at = 0;

  constructor(ask: Ask) {
    const columns: readonly Column<Row>[] = [
      { name: 'Circuit', kind: 'head', fill: text(({ key }) => key), by: ({ key }) => key },
      { name: 'Upstream', fill: text(({ upstream }) => upstream), by: ({ upstream }) => upstream },
      {
        name: 'State',
        fill: badge(({ state }) => ({ text: state, tone: TONES[state] })),
        by: ({ state }) => WORST_FIRST.indexOf(state),
      },
      { name: 'For', kind: 'number', fill: text(({ forMs }) => timeSpan(forMs)), by: ({ forMs }) => forMs },
      { name: 'Time left', kind: 'number', fill: text((row) => leftText(row)) },
      {
        name: 'Failures',
        kind: 'number',
        fill: text(({ calls, failureRate }) => (calls === 0 ? '–' : percent(failureRate))),
        by: ({ failureRate }) => failureRate,
      },
      { name: 'Attempts', kind: 'number', fill: text(({ calls }) => String(calls)), by: ({ calls }) => calls },
      { name: 'Actions', kind: 'actions', fill: actions(ask, ({ upstream, key }) => ({ upstream, key })) },
    ];
    this.#table = new Table(byId('circuits', HTMLTableElement), {
      columns,
      keyOf: ({ upstream, key }) => JSON.stringify([upstream, key]),
      empty: 'There is no circuit yet.',
    });
  }

  /** How many are not closed. */
  get notClosed(): number {
    return this.#circuits.filter(({ state }) => state !== 'closed').length;
  }

  /** Shows circuits as they were at a time. */
  show(circuits: readonly CircuitShape[], at: number): void {
    this.#circuits = circuits.toSorted((a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state));
    this.#at = at;
    const { notClosed } = this;
    setText(
      this.#sum,
      notClosed === 0 ? 'all closed' : `${notClosed} of ${plural(circuits.length, 'circuit')} not closed`,
    );
    this.tick(at);
  }

  /** Lets the time that is left run down between two answers. */
  tick(now: number): void {
    this.#table.render(
      this.#circuits.map((circuit) => ({
        ...circuit,
        ageMs: now - this.#at,
        forMs: Math.max(0, now - Date.parse(circuit.since)),
      })),
    );
  }
}

function leftText({ remainingMs, ageMs, state }: Row): string {
  if (remainingMs === null) return state.startsWith('forced') ? 'until reset' : '–';
  return timeSpan(Math.max(0, remainingMs - ageMs));
}

/** A cell with the three things that can be done to circuits. */
export function actions<Of>(ask: Ask, targetOf: (row: Of) => Target) {
  return (cell: HTMLTableCellElement) => {
    let target: Target | undefined;
    const act = (name: string, question: (target: Target) => void) =>
      button(name, name, () => {
        if (target !== undefined) question(target);
      });
    const all = [
      act('Force open', (of) => askToForce(ask, of, 'forced-open')),
      act('Force closed', (of) => askToForce(ask, of, 'forced-closed')),
      act('Reset', (of) => askToReset(ask, of)),
    ];
    cell.append(make('div', { class: 'buttons' }, ...all));
    return (row: Of) => {
      target = targetOf(row);
      for (const one of all) setAttribute(one, 'aria-label', `${one.textContent} ${nameOf(target)}`);
    };
  };
}

function nameOf({ upstream, key }: Target): string {
  return key === undefined ? `all circuits of ${upstream}` : `the circuit ${key} of ${upstream}`;
}

const FORCED = {
  'forced-open': {
    how: 'open',
    effect: 'No attempt goes through, not even a probe: calls get 503 circuit-open, or a fallback.',
  },
  'forced-closed': {
    how: 'closed',
    effect: 'All attempts go through, however many fail: nothing protects the upstream meanwhile.',
  },
} as const;

function askToForce(ask: Ask, target: Target, state: keyof typeof FORCED): void {
  const { how, effect } = FORCED[state];
  ask.ask({
    title: `Force ${nameOf(target)} ${how}?`,
    text: effect,
    yes: `Force ${how}`,
    lasts: true,
    act: (ttl) => {
      const { upstream, key } = target;
      return api.forceCircuits(upstream, {
        state,
        ...(key === undefined ? {} : { key }),
        ...(ttl === undefined ? {} : { ttl }),
      });
    },
  });
}

function askToReset(ask: Ask, target: Target): void {
  ask.ask({
    title: `Reset ${nameOf(target)}?`,
    text: 'It is closed, with an empty window, and what was forced is over. If the upstream still fails, it opens again.',
    yes: 'Reset',
    lasts: false,
    act: () => api.resetCircuits(target.upstream, target.key),
  });
}
