import type { UpstreamShape } from './api.js';
import type { Ask } from './ask.js';
import { actions, TONES } from './circuits.js';
import { byId, make } from './dom.js';
import { Table, text, type Column } from './table.js';

/** All upstreams: their endpoints, and how full they are. */
export class UpstreamTable {
  readonly #table: Table<UpstreamShape>;

  constructor(ask: Ask) {
    const columns: readonly Column<UpstreamShape>[] = [
      { name: 'Upstream', kind: 'head', fill: text(({ name }) => name), by: ({ name }) => name },
      { name: 'Endpoints', fill: endpoints },
      { name: 'In flight', kind: 'number', fill: text(inFlight), by: (upstream) => upstream.inFlight },
      { name: 'Queued', kind: 'number', fill: text(({ queued }) => String(queued)), by: ({ queued }) => queued },
      {
        name: 'Retries that still fit',
        kind: 'number',
        fill: text(({ retryBudget }) => (retryBudget === null ? 'no budget' : String(retryBudget.remaining))),
        by: ({ retryBudget }) => retryBudget?.remaining ?? Infinity,
      },
      { name: 'All its circuits', kind: 'actions', fill: actions(ask, ({ name }) => ({ upstream: name })) },
    ];
    this.#table = new Table(byId('upstreams', HTMLTableElement), {
      columns,
      keyOf: ({ name }) => name,
      empty: 'There is no upstream.',
    });
  }

  show(upstreams: readonly UpstreamShape[]): void {
    this.#table.render(upstreams);
  }
}

function inFlight({ inFlight, limit }: UpstreamShape): string {
  return limit === null ? String(inFlight) : `${inFlight} of ${Math.round(limit)}`;
}

function endpoints(cell: HTMLTableCellElement): (upstream: UpstreamShape) => void {
  const list = make('ul', { class: 'endpoints' });
  cell.append(list);
  let shown = '';
  return (upstream) => {
    const text = JSON.stringify([upstream.healthPanic, upstream.endpoints]);
    if (text === shown) return;
    shown = text;
    list.replaceChildren(...upstream.endpoints.map((endpoint) => endpointItem(endpoint)));
    if (upstream.healthPanic) {
      list.append(make('li', {}, badgeOf('panic: health checks are not believed', 'warn')));
    }
  };
}

function endpointItem({ url, healthy, circuit }: UpstreamShape['endpoints'][number]): HTMLLIElement {
  const item = make('li', {}, make('code', {}, url));
  if (!healthy) item.append(' ', badgeOf('unhealthy', 'bad'));
  if (circuit !== null && circuit !== 'closed') item.append(' ', badgeOf(circuit, TONES[circuit]));
  return item;
}

function badgeOf(text: string, tone: string): HTMLSpanElement {
  return make('span', { class: 'badge', 'data-tone': tone }, text);
}
