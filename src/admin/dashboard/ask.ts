import { Refused, token } from './api.js';
import { byId, make } from './dom.js';

export interface Question {
  readonly title: string;
  /** What will come of it. */
  readonly text: string;
  /** What the button says that does it. */
  readonly yes: string;
  /** Whether a time to live is chosen. */
  readonly lasts: boolean;
  /** Does it. `ttl` is a duration, or undefined: until it is changed again. */
  readonly act: (ttl: string | undefined) => Promise<void>;
}

const TTLS: readonly (readonly [ttl: string, text: string])[] = [
  ['1m', '1 minute'],
  ['5m', '5 minutes'],
  ['15m', '15 minutes'],
  ['1h', '1 hour'],
  ['', 'Until changed again'],
];
const USUAL_TTL = '5m';

/** Asks before anything is changed, and for the admin token where one is needed. */
export class Ask {
  readonly #dialog = byId('ask', HTMLDialogElement);
  readonly #ttl = byId('ask-ttl', HTMLFieldSetElement);
  readonly #tokenField = byId('ask-token', HTMLLabelElement);
  readonly #token = byId('token', HTMLInputElement);
  readonly #error = byId('ask-error', HTMLParagraphElement);
  readonly #yes = byId('ask-yes', HTMLButtonElement);
  readonly #onDone: (question: Question) => void;
  #question: Question | undefined;

  /** @param onDone a question was answered with yes, and it was done */
  constructor(onDone: (question: Question) => void) {
    this.#onDone = onDone;
    for (const [ttl, text] of TTLS) {
      this.#ttl.append(make('label', {}, make('input', { type: 'radio', name: 'ttl', value: ttl }), text));
    }
    byId('ask-no', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    this.#dialog.querySelector('form')?.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#do();
    });
    // A token that was not taken is not left lying about.
    this.#dialog.addEventListener('close', () => (this.#token.value = ''));
  }

  ask(question: Question): void {
    this.#question = question;
    byId('ask-title', HTMLHeadingElement).textContent = question.title;
    byId('ask-text', HTMLParagraphElement).textContent = question.text;
    this.#yes.textContent = question.yes;
    this.#yes.disabled = false;
    this.#ttl.hidden = !question.lasts;
    for (const input of this.#ttl.querySelectorAll('input')) input.checked = input.value === USUAL_TTL;
    this.#tokenField.hidden = true;
    this.#error.hidden = true;
    this.#dialog.showModal();
  }

  async #do(): Promise<void> {
    const question = this.#question;
    if (question === undefined || this.#yes.disabled) return;
    const given = this.#token.value.trim();
    if (given !== '') token.set(given);
    const chosen = this.#ttl.querySelector<HTMLInputElement>('input:checked')?.value ?? '';
    this.#yes.disabled = true;
    try {
      await question.act(question.lasts && chosen !== '' ? chosen : undefined);
      this.#dialog.close();
      this.#onDone(question);
    } catch (error) {
      this.#sayWhy(error);
    } finally {
      this.#yes.disabled = false;
    }
  }

  #sayWhy(error: unknown): void {
    this.#error.hidden = false;
    this.#error.textContent = textOf(error);
    if (!(error instanceof Refused) || error.status !== 401) return;
    if (token.get() !== null) this.#error.textContent = 'That is not the admin token.';
    token.forget();
    this.#tokenField.hidden = false;
    this.#token.value = '';
    this.#token.focus();
  }
}

/** What went wrong, for people. */
export function textOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  return 'The proxy could not be reached: it may be stopping, or the connection to it is gone.';
}
