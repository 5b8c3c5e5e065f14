import { Refused } from './api.js';
import { textOf } from './ask.js';
import { byId, setAttribute, setText } from './dom.js';
import { clockTime, timeSpan } from './format.js';
import { after } from './time.js';

const READINESS: Readonly<Record<string, readonly [text: string, tone: string, banner: string]>> = {
  ready: ['Taking calls', 'good', ''],
  starting: ['Starting', 'warn', 'The proxy is starting and does not take calls yet.'],
  draining: [
    'Draining',
    'warn',
    'The proxy is draining: it still answers calls, and ends as soon as none has been in flight for a moment.',
  ],
};

/** How long it is told that something was done or has come back, in milliseconds. */
const TOLD_MS = 8_000;

/** Says how it stands with the proxy, and with the way to it. */
export class Link {
  readonly #state = byId('state', HTMLParagraphElement);
  readonly #where = byId('where', HTMLParagraphElement);
  readonly #banner = byId('banner', HTMLParagraphElement);
  readonly #said = byId('said', HTMLParagraphElement);
  #lostAt: number | undefined;
  #startedAt: string | undefined;
  /** Whether another process was met before it was known that there is one again. */
  #restarted = false;
  #untell = (): void => undefined;

  /** What /readyz said. Returns whether it could not be asked before. */
  reached(readiness: string, now: number): boolean {
    const [text, tone, banner] = READINESS[readiness] ?? [readiness, 'warn', ''];
    this.#show(text, tone, banner);
    if (this.#lostAt === undefined) return false;
    this.#lostAt = undefined;
    // That it is another process is the greater news, and may have come first.
    if (!this.#restarted) this.tell(`Connected again at ${clockTime(now)}.`);
    this.#restarted = false;
    return true;
  }

  /** How long the process that answers has been up. */
  tick(now: number): void {
    const up = this.#startedAt === undefined ? '' : `, up for ${timeSpan(now - Date.parse(this.#startedAt))}`;
    setText(this.#where, location.host + up);
  }

  /** No answer came, or a refusal. */
  failed(error: unknown, now: number): void {
    if (error instanceof Refused) {
      this.#show('Refused', 'bad', textOf(error));
      return;
    }
    this.#lostAt ??= now;
    const since = clockTime(this.#lostAt);
    this.#show('No connection', 'bad', `No answer since ${since}; what is shown is from then. Trying again every 2 s.`);
  }

  /** When the process that answers was started: another time is another process. */
  startedAt(startedAt: string): void {
    const before = this.#startedAt;
    this.#startedAt = startedAt;
    if (before === undefined || before === startedAt) return;
    this.#restarted = this.#lostAt !== undefined;
    this.tell(`The proxy was restarted at ${clockTime(Date.parse(startedAt))}: what was forced or switched is gone.`);
  }

  /** Tells something for a while. */
  tell(text: string): void {
    this.#untell();
    this.#said.hidden = false;
    setText(this.#said, text);
    this.#untell = after(TOLD_MS, () => {
      setText(this.#said, '');
      this.#said.hidden = true;
    });
  }

  #show(text: string, tone: string, banner: string): void {
    setText(this.#state, text);
    setAttribute(this.#state, 'data-tone', tone);
    setText(this.#banner, banner);
    this.#banner.hidden = banner === '';
  }
}
