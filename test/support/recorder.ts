import { OutriggerError } from '../../src/errors.js';
import type { Controller, Handler, ResponseHeaders } from '../../src/policies/policy.js';
import { headerTexts } from '../../src/policies/rules/raw-headers.js';
import type { Clock } from '../../src/runtime/clock.js';

/** The app at the top of the line: notes what it is given, and can go away. */
export class Recorder implements Handler {
  readonly #clock: Clock;
  controller: Controller | undefined;
  status: number | undefined;
  headers: ResponseHeaders = {};
  /** As the edge would write them. */
  rawHeaders: readonly string[] = [];
  body = '';
  error: OutriggerError | undefined;
  /** When the head, the end or the error came, in the clock's milliseconds. */
  headAt: number | undefined;
  endedAt: number | undefined;
  readonly interim: number[] = [];
  /** How often the call ended: once, whatever happens. */
  ends = 0;
  /** What came after the end: nothing may. */
  readonly late: string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  goAway(reason: Error): void {
    this.controller?.abort(reason);
  }

  onRequestStart(controller: Controller): void {
    this.#note('start');
    this.controller = controller;
  }

  onResponseStart(controller: Controller, status: number, headers: ResponseHeaders): void {
    this.#note('head');
    if (status < 200) {
      this.interim.push(status);
      return;
    }
    this.status = status;
    this.headers = headers;
    this.rawHeaders = headerTexts(controller.rawHeaders ?? headers);
    this.headAt = this.#clock.now();
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#note('data');
    this.body += chunk.toString();
  }

  onResponseEnd(): void {
    this.ends++;
    this.endedAt = this.#clock.now();
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.ends++;
    this.error =
      error instanceof OutriggerError ? error : new OutriggerError('internal', 'no error of ours', { cause: error });
    this.endedAt = this.#clock.now();
  }

  #note(what: string): void {
    if (this.ends > 0) this.late.push(what);
  }
}
