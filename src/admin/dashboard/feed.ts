import { STATE_TONES } from './circuits.js';
import { byId, make, setAttribute, setText } from './dom.js';
import { eventText, KINDS, type EventData, type Kind } from './event-text.js';
import { clockTime, plural } from './format.js';
import { badge, Table, text, type Column } from './table.js';
import { after, now } from './time.js';

/** Events kept, as many as the proxy keeps. */
const KEPT = 1_000;

/** Rows drawn at once: more are no use to a reader, and cost time. */
const DRAWN = 200;

/** How often the table is drawn at most, in milliseconds: a storm has hundreds of events a second. */
const DRAW_EVERY_MS = 250;

/** When a stream that was refused for good is asked for again, in milliseconds. */
const AGAIN_MS = 5_000;

const TONES: Readonly<Record<Kind, string>> = {
  circuit: 'warn',
  retry: 'idle',
  fallback: 'warn',
  health: 'warn',
  discovery: 'idle',
  reload: 'info',
  change: 'info',
  missed: 'idle',
};

interface Row {
  readonly id: string;
  readonly kind: Kind;
  readonly tone: string;
  readonly time: string;
  readonly about: string;
  readonly what: string;
  readonly reason: string;
  /** All of it in lower case, to be found. */
  readonly found: string;
}

/** What happens in the proxy, as it happens, the newest first. */
export class Feed {
  readonly #table: Table<Row>;
  readonly #sum = byId('events-sum', HTMLParagraphElement);
  readonly #find = byId('events-find', HTMLInputElement);
  readonly #pause = byId('events-pause', HTMLButtonElement);
  readonly #hidden = new Set<Kind>();
  readonly #onEvent: (kind: Kind) => void;
  /** By id, the newest last. */
  readonly #rows = new Map<string, Row>();
  #paused: readonly Row[] | undefined;
  #drawing = false;
  #unnamed = 0;

  /** @param onEvent is told of each, so that what it changes can be looked at */
  constructor(onEvent: (kind: Kind) => void) {
    this.#onEvent = onEvent;
    const columns: readonly Column<Row>[] = [
      { name: 'Time', fill: text(({ time }) => time) },
      { name: 'Event', fill: badge(({ kind, tone }) => ({ text: kind, tone })) },
      { name: 'About', kind: 'head', fill: text(({ about }) => about) },
      { name: 'What', fill: text(({ what }) => what) },
      { name: 'Reason', fill: text(({ reason }) => reason) },
    ];
    this.#table = new Table(byId('events', HTMLTableElement), {
      columns,
      keyOf: ({ id }) => id,
      empty: 'Nothing has happened yet that is worth telling.',
    });
    this.#find.addEventListener('input', () => this.#draw());
    this.#pause.addEventListener('click', () => this.#togglePause());
    byId('events-clear', HTMLButtonElement).addEventListener('click', () => {
      this.#rows.clear();
      if (this.#paused !== undefined) this.#paused = [];
      this.#draw();
    });
    byId('events-kinds', HTMLFieldSetElement).append(...KINDS.map((kind) => this.#choice(kind)));
    this.#draw();
    this.#connect();
  }

  /** A browser comes back by itself after the proxy was gone, and says what it has seen last. */
  #connect(): void {
    const source = new EventSource(`/api/events?history=${KEPT}`);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event: MessageEvent<string>) => this.#add(kind, event));
    }
    source.addEventListener('error', () => {
      // Refused rather than cut: too many streams are open.
      if (source.readyState !== EventSource.CLOSED) return;
      after(AGAIN_MS, () => this.#connect());
    });
  }

  #add(kind: Kind, { data, lastEventId }: MessageEvent<string>): void {
    // The one about missed events has no id of its own: lastEventId is the one before it.
    const id = kind === 'missed' || lastEventId === '' ? `unnamed-${this.#unnamed++}` : lastEventId;
    if (this.#rows.has(id)) return;
    const parsed = JSON.parse(data) as EventData;
    const said = eventText(kind, parsed);
    const time = clockTime(typeof parsed.time === 'string' ? Date.parse(parsed.time) : now());
    const found = [kind, said.about, said.what, said.reason].join(' ').toLowerCase();
    const tone = STATE_TONES[String(parsed.to)] ?? TONES[kind];
    this.#rows.set(id, { id, kind, tone, time, ...said, found });
    const [oldest] = this.#rows.keys();
    if (oldest !== undefined && this.#rows.size > KEPT) this.#rows.delete(oldest);
    this.#onEvent(kind);
    this.#drawSoon();
  }

  #drawSoon(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    after(DRAW_EVERY_MS, () => {
      this.#drawing = false;
      this.#draw();
    });
  }

  #draw(): void {
    const wanted = this.#find.value.trim().toLowerCase();
    const rows = (this.#paused ?? [...this.#rows.values()]).filter(
      ({ kind, found }) => !this.#hidden.has(kind) && found.includes(wanted),
    );
    this.#table.render(rows.slice(-DRAWN).toReversed());
    const all = plural(this.#rows.size, 'event');
    const drawn = rows.length > DRAWN ? `the last ${DRAWN} of ${plural(rows.length, 'event')}` : all;
    setText(this.#sum, rows.length === this.#rows.size || rows.length > DRAWN ? drawn : `${rows.length} of ${all}`);
  }

  #togglePause(): void {
    this.#paused = this.#paused === undefined ? [...this.#rows.values()] : undefined;
    const paused = this.#paused !== undefined;
    setAttribute(this.#pause, 'aria-pressed', String(paused));
    setText(this.#pause, paused ? 'Go on' : 'Pause');
    this.#draw();
  }

  #choice(kind: Kind): HTMLLabelElement {
    const box = make('input', { type: 'checkbox', checked: '' });
    box.addEventListener('change', () => {
      if (box.checked) this.#hidden.delete(kind);
      else this.#hidden.add(kind);
      this.#draw();
    });
    return make('label', {}, box, kind);
  }
}
