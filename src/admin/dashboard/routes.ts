import { api, type RouteShape } from './api.js';
import type { Ask } from './ask.js';
import { byId, make, setAttribute, setText } from './dom.js';
import { duration, percent, plural, rate, timeSpan } from './format.js';
import { Table, text, type Column } from './table.js';

/** All routes, how they fare, and their switch for retries. */
export class RouteTable {
  readonly #table: Table<RouteShape>;
  readonly #find = byId('routes-find', HTMLInputElement);
  #routes: readonly RouteShape[] = [];

  constructor(ask: Ask) {
    const columns: readonly Column<RouteShape>[] = [
      { name: 'Route', kind: 'head', fill: text(({ name }) => name), by: ({ name }) => name },
      { name: 'Upstream', fill: text(({ upstream }) => upstream), by: ({ upstream }) => upstream },
      {
        name: 'Calls/s',
        kind: 'number',
        fill: text((route) => rate(route.requestsPerSecond)),
        by: (route) => route.requestsPerSecond,
      },
      { name: 'Success', kind: 'number', fill: success, by: (route) => route.failureRatio },
      {
        name: 'Retries/call',
        kind: 'number',
        fill: text((route) => ofCalls(route, rate(route.retryRatio))),
        by: (route) => route.retryRatio,
      },
      { name: 'p50', kind: 'number', fill: text(({ p50Ms }) => duration(p50Ms)), by: ({ p50Ms }) => p50Ms ?? -1 },
      { name: 'p99', kind: 'number', fill: text(({ p99Ms }) => duration(p99Ms)), by: ({ p99Ms }) => p99Ms ?? -1 },
      { name: 'Answered by fallback', fill: text(fallbackText) },
      { name: 'Retries', kind: 'actions', fill: (cell) => retriesSwitch(cell, ask) },
    ];
    this.#table = new Table(byId('routes', HTMLTableElement), {
      columns,
      keyOf: ({ name }) => name,
      empty: 'No route is called so.',
    });
    this.#find.addEventListener('input', () => this.#render());
    for (const enabled of [true, false]) {
      byId(enabled ? 'retries-on' : 'retries-off', HTMLButtonElement).addEventListener('click', () => {
        askToSwitch(ask, enabled, undefined);
      });
    }
  }

  show(routes: readonly RouteShape[]): void {
    this.#routes = routes;
    byId('retries-off', HTMLButtonElement).disabled = routes.every(({ retriesEnabled }) => !retriesEnabled);
    byId('retries-on', HTMLButtonElement).disabled = routes.every(({ retriesEnabled }) => retriesEnabled);
    this.#render();
  }

  #render(): void {
    const wanted = this.#find.value.trim().toLowerCase();
    this.#table.render(
      this.#routes.filter(({ name, upstream }) => `${name} ${upstream}`.toLowerCase().includes(wanted)),
    );
  }
}

/** Of a route without calls there is nothing to say. */
function ofCalls({ requestsPerSecond }: RouteShape, said: string): string {
  return requestsPerSecond === 0 ? '–' : said;
}

function success(cell: HTMLTableCellElement): (route: RouteShape) => void {
  return (route) => {
    setText(cell, ofCalls(route, percent(1 - route.failureRatio)));
    setAttribute(cell, 'data-tone', toneOf(route));
  };
}

function toneOf({ requestsPerSecond, failureRatio }: RouteShape): string {
  if (requestsPerSecond === 0 || failureRatio < 0.001) return 'plain';
  return failureRatio < 0.05 ? 'warn' : 'bad';
}

function fallbackText({ fallbacks }: RouteShape): string {
  const kinds = (['stale', 'upstream', 'response'] as const).filter((kind) => fallbacks[kind] > 0);
  return kinds.length === 0 ? '–' : kinds.map((kind) => `${percent(fallbacks[kind])} ${kind}`).join(', ');
}

function retriesSwitch(cell: HTMLTableCellElement, ask: Ask): (route: RouteShape) => void {
  const made = make('button', { type: 'button', role: 'switch', class: 'switch' });
  let shown: RouteShape | undefined;
  made.addEventListener('click', () => {
    if (shown !== undefined) askToSwitch(ask, !shown.retriesEnabled, shown.name);
  });
  cell.append(made);
  return (route) => {
    shown = route;
    const { name, retriesEnabled, retriesRemainingMs } = route;
    const left = retriesRemainingMs === null ? '' : `, ${timeSpan(retriesRemainingMs)} left`;
    setText(made, retriesEnabled ? 'on' : `off${left}`);
    setAttribute(made, 'aria-checked', String(retriesEnabled));
    setAttribute(made, 'aria-label', `Retries of ${name}`);
  };
}

function askToSwitch(ask: Ask, enabled: boolean, route: string | undefined): void {
  const of = route === undefined ? 'all routes' : `the route ${route}`;
  ask.ask({
    title: `Switch retries and hedges of ${of} ${enabled ? 'on' : 'off'}?`,
    text: enabled
      ? 'Attempts are made again as the policy file says.'
      : 'Each call gets one attempt. Circuits, limits and fallbacks stay as they are.',
    yes: `Switch ${enabled ? 'on' : 'off'}`,
    lasts: !enabled,
    act: (ttl) =>
      api.switchRetries({
        enabled,
        ...(route === undefined ? {} : { route }),
        ...(ttl === undefined ? {} : { ttl }),
      }),
  });
}

/** How many routes have their retries off; empty if none has. */
export function switchedOff(routes: readonly RouteShape[]): string {
  const off = routes.filter(({ retriesEnabled }) => !retriesEnabled).length;
  return off === 0
    ? ''
    : `Retries are switched off for ${off === routes.length ? 'all routes' : plural(off, 'route')}.`;
}
