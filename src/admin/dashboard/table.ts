import { make, setAttribute, setText } from './dom.js';

/** Fills a cell once, and returns what brings it up to date. */
type Fill<Row> = (cell: HTMLTableCellElement) => (row: Row) => void;

export interface Column<Row> {
  readonly name: string;
  readonly fill: Fill<Row>;
  /** `head` names the row; numbers stand to the right. */
  readonly kind?: 'head' | 'number' | 'actions';
  /** Rows can be sorted by this. */
  readonly by?: (row: Row) => number | string;
}

/** A cell with a text. */
export function text<Row>(show: (row: Row) => string): Fill<Row> {
  return (cell) => (row) => setText(cell, show(row));
}

/** A cell with a text that has a colour, which never is all that tells something. */
export function badge<Row>(show: (row: Row) => { readonly text: string; readonly tone: string }): Fill<Row> {
  return (cell) => {
    const made = make('span', { class: 'badge' });
    cell.append(made);
    return (row) => {
      const { text, tone } = show(row);
      setText(made, text);
      setAttribute(made, 'data-tone', tone);
    };
  };
}

interface Shown<Row> {
  readonly element: HTMLTableRowElement;
  readonly update: (row: Row) => void;
}

/**
 * A table whose rows stay the elements that they are while what they show changes: the focus, a selection and a screen
 * reader's place stay too. Narrow screens show each row as a card, which takes an element's role from it; so all say theirs.
 */
export class Table<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #keyOf: (row: Row) => string;
  readonly #empty: string;
  readonly #body = make('tbody', { role: 'rowgroup' });
  #shown = new Map<string, Shown<Row>>();
  #rows: readonly Row[] = [];
  #sorted: { readonly by: (row: Row) => number | string; readonly descending: boolean } | undefined;

  constructor(
    table: HTMLTableElement,
    options: { readonly columns: readonly Column<Row>[]; readonly keyOf: (row: Row) => string; readonly empty: string },
  ) {
    this.#columns = options.columns;
    this.#keyOf = options.keyOf;
    this.#empty = options.empty;
    table.setAttribute('role', 'table');
    const heads = options.columns.map((column) => this.#headOf(column));
    const head = make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, ...heads));
    table.append(head, this.#body);
  }

  render(rows: readonly Row[]): void {
    this.#rows = rows;
    const before = this.#shown;
    this.#shown = new Map();
    const focused = document.activeElement;
    let place = this.#body.firstElementChild;
    for (const row of this.#inOrder(rows)) {
      const key = this.#keyOf(row);
      const shown = before.get(key) ?? this.#create();
      before.delete(key);
      this.#shown.set(key, shown);
      shown.update(row);
      if (shown.element === place) place = place.nextElementSibling;
      else this.#body.insertBefore(shown.element, place);
    }
    for (const { element } of before.values()) element.remove();
    if (rows.length === 0) this.#sayEmpty();
    else this.#body.querySelector(':scope > .empty')?.remove();
    // What is moved within the document loses the focus.
    if (focused instanceof HTMLElement && this.#body.contains(focused)) focused.focus({ preventScroll: true });
  }

  #inOrder(rows: readonly Row[]): readonly Row[] {
    if (this.#sorted === undefined) return rows;
    const { by, descending } = this.#sorted;
    const sign = descending ? -1 : 1;
    return rows.toSorted((a, b) => {
      const [x, y] = [by(a), by(b)];
      return sign * (typeof x === 'string' || typeof y === 'string' ? String(x).localeCompare(String(y)) : x - y);
    });
  }

  #create(): Shown<Row> {
    const element = make('tr', { role: 'row' });
    const updates = this.#columns.map(({ name, kind, fill }) => {
      const cell =
        kind === 'head'
          ? make('th', { scope: 'row', role: 'rowheader' })
          : make('td', { role: 'cell', class: kind ?? '', 'data-label': name });
      element.append(cell);
      return fill(cell);
    });
    return { element, update: (row) => updates.forEach((update) => update(row)) };
  }

  #sayEmpty(): void {
    if (this.#body.querySelector(':scope > .empty') !== null) return;
    const cell = make('td', { role: 'cell', colspan: String(this.#columns.length) }, this.#empty);
    this.#body.append(make('tr', { role: 'row', class: 'empty' }, cell));
  }

  #headOf({ name, kind, by }: Column<Row>): HTMLTableCellElement {
    const head = make('th', { scope: 'col', role: 'columnheader', class: kind ?? '' });
    if (by === undefined) {
      head.append(name);
      return head;
    }
    const sorter = make('button', { type: 'button', class: 'sort' }, name);
    sorter.addEventListener('click', () => this.#sortBy(head, by, kind === 'number'));
    head.append(sorter);
    return head;
  }

  /** First the way that is wanted most, then the other one, then as it came. */
  #sortBy(head: HTMLTableCellElement, by: (row: Row) => number | string, descendingFirst: boolean): void {
    const [first, second] = descendingFirst ? ['descending', 'ascending'] : ['ascending', 'descending'];
    const was = head.getAttribute('aria-sort');
    const next = was === null ? first : was === first ? second : undefined;
    for (const other of head.parentElement?.children ?? []) other.removeAttribute('aria-sort');
    if (next !== undefined) head.setAttribute('aria-sort', next);
    this.#sorted = next === undefined ? undefined : { by, descending: next === 'descending' };
    this.render(this.#rows);
  }
}
