import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { asInternal, OutriggerError } from '../errors.js';
import type { Call, Controller, Handler, ResponseHeaders } from '../policies/policy.js';
import type { Timer } from '../runtime/clock.js';
import { endWith } from './edge-response.js';
import { applyEdits, type CompiledEdits } from './header-edits.js';
import { readResponseHeaders } from './headers.js';
import { readTrailers, sendInterim, withoutTrailer } from './interim.js';
import { closeGently, cut } from './connection.js';
import type { EdgeContext } from './edge-context.js';
import type { LiveCall } from './live-calls.js';
import { outcomeOf } from './outcome.js';
import { problemOf } from './problem.js';

/** What an answer needs to know of the route. */
export interface ResponderOptions {
  readonly responseEdits: CompiledEdits;
  readonly idleTimeoutMs: number;
  /** Whether the app has sent all of its request. */
  readonly requestComplete: () => boolean;
  /** Called once when the call has ended: what is held for it can go. */
  readonly release: () => void;
}

/** The route and the upstream of a call that has none. */
export const NO_ROUTE = '-';

/** Statuses whose answers have no body, whatever their headers say (RFC 9110, 6.4.1). */
const isBodiless = (status: number) => status === 204 || status === 304;

/** A body of up to so many bytes is written in one piece with its head. */
const ONE_PIECE_BYTES = 4 * 1024;

const TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Writes the answer of a call to the app, as it comes, and says how the call ended. */
export class Responder implements Handler, LiveCall {
  place = -1;
  readonly call: Call;
  protected readonly request: IncomingMessage;
  protected readonly response: ServerResponse;
  protected readonly context: EdgeContext;
  protected readonly options: ResponderOptions;
  #controller: Controller | undefined;
  #status = 0;
  #error: OutriggerError | undefined;
  /** `waiting` for a head, `streaming` the body, `answered` wholly, `over`: the app has all it will get. */
  #state: 'waiting' | 'streaming' | 'answered' | 'over' = 'waiting';
  #stall: Timer | undefined;
  /** The beginning of the body, while it and the head wait for each other (HeadFlusher). */
  #beginning: Buffer | undefined;
  #headWaits = false;

  constructor(
    call: Call,
    request: IncomingMessage,
    response: ServerResponse,
    context: EdgeContext,
    options: ResponderOptions,
  ) {
    this.call = call;
    this.request = request;
    this.response = response;
    this.context = context;
    this.options = options;
    context.live.add(this);
    context.count.begin();
    response.on('close', this.settle);
  }

  /** Whether the app has been sent a head. */
  get answering(): boolean {
    return this.#state !== 'waiting';
  }

  get socket(): IncomingMessage['socket'] {
    return this.request.socket;
  }

  get answer(): ServerResponse {
    return this.response;
  }

  /** Whether the app has sent all of its request. */
  get requestComplete(): boolean {
    return this.options.requestComplete();
  }

  // The pipeline tells how the call goes.

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    // The call may have ended before there was anything to steer.
    if (this.#state === 'over' || this.#error !== undefined) controller.abort(this.#error ?? clientGone());
  }

  onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, statusText?: string): void {
    if (this.#state !== 'waiting') return;
    if (status < 200) {
      if (this.request.httpVersion !== '1.0') {
        sendInterim(this.response, status, readResponseHeaders(controller.rawHeaders ?? headers));
      }
      return;
    }
    this.call.body.release();
    const source = readResponseHeaders(controller.rawHeaders ?? headers);
    try {
      this.#writeHead(status, statusText, applyEdits(source, this.options.responseEdits));
    } catch (cause) {
      this.fail(new OutriggerError('bad-response', 'the head cannot be passed on', { cause, reason: 'protocol' }));
      return;
    }
    this.#state = 'streaming';
    this.#headWaits = true;
    this.context.heads.add(this);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#state !== 'streaming') return;
    if (this.#headWaits && this.#beginning === undefined && chunk.length <= ONE_PIECE_BYTES) {
      this.#beginning = chunk;
      return;
    }
    this.flushHead();
    this.#write(controller, chunk);
  }

  /** Sends the head, with what has come of the body. */
  flushHead(): void {
    if (!this.#headWaits || this.#state !== 'streaming') return;
    this.#headWaits = false;
    const beginning = this.#beginning;
    this.#beginning = undefined;
    if (beginning !== undefined) this.#write(this.#controller, beginning);
    else this.response.flushHeaders();
  }

  #write(controller: Controller | undefined, chunk: Buffer): void {
    if (this.response.write(chunk)) return;
    controller?.pause();
    if (this.#stall !== undefined) return;
    this.#watchReader();
    this.response.once('drain', () => {
      this.#stall?.cancel();
      this.#stall = undefined;
      controller?.resume();
    });
  }

  onResponseEnd(controller: Controller, trailers: ResponseHeaders): void {
    if (this.#state !== 'streaming') return;
    this.#state = 'answered';
    const { response } = this;
    if (response.chunkedEncoding) {
      const fields = readTrailers(controller.rawTrailers ?? trailers);
      if (fields.length > 0) response.addTrailers(fields);
    }
    // Head and body as one text are one write of one piece, which costs less than half of two.
    this.#end(this.#beginning?.toString('latin1'));
  }

  onResponseError(_controller: Controller | undefined, raw: Error): void {
    const error = asInternal(raw, raw.message);
    if (this.#state === 'waiting') this.#answerProblem(error);
    else if (this.#state === 'streaming') this.#break(error);
    if (error.code !== 'internal') return;
    // A layer broke: those below it may go on.
    this.#error ??= error;
    this.#abort(error);
  }

  // The edge ends the call.

  /** Ends the call with an error: a problem document where nothing was sent yet, else a connection that visibly breaks. */
  fail(error: OutriggerError): void {
    if (this.#state === 'waiting') this.#answerProblem(error);
    else if (this.#state === 'streaming') this.#break(error);
    this.#abort(error);
  }

  /** The call has ended for the app, whatever the layers make of it. */
  #abort(reason: OutriggerError): void {
    try {
      this.#controller?.abort(reason);
    } catch (cause) {
      this.#error = asInternal(cause, 'the call could not be cut');
    }
  }

  /**
   * The connection goes on in another protocol: no answer will be written, and the call ends when `settle` is called. False
   * if the call has ended already.
   */
  protected switchProtocols(): boolean {
    if (this.#state !== 'waiting') return false;
    this.#state = 'answered';
    this.#status = 101;
    this.call.body.release();
    this.response.off('close', this.settle);
    return true;
  }

  #writeHead(status: number, statusText: string | undefined, headers: string[]): void {
    const { response, call } = this;
    const bodiless = isBodiless(status) || this.request.method === 'HEAD';
    const head = withoutTrailer(headers, status, bodiless || this.request.httpVersion === '1.0');
    head.push('x-outrigger-attempts', String(call.attempts));
    if (call.fallback !== undefined) head.push('x-outrigger-fallback', call.fallback);
    if (this.#closes()) head.push('connection', 'close');
    if (statusText !== undefined && statusText !== STATUS_CODES[status] && TEXT.test(statusText)) {
      response.writeHead(status, statusText, head);
    } else {
      response.writeHead(status, head);
    }
    this.#status = status;
  }

  /** Whether this answer is the last on its connection. */
  #closes(always = false): boolean {
    if (!always && !this.context.drain.begun && this.options.requestComplete()) return false;
    this.context.closing.add(this.request.socket);
    return true;
  }

  #answerProblem(error: OutriggerError): void {
    this.#state = 'answered';
    this.#error = error;
    this.call.body.release();
    const { response, call } = this;
    if (response.destroyed || error.code === 'client-gone') return;
    const { status, headers, body, close } = problemOf(error, call.route === NO_ROUTE ? undefined : call);
    if (this.#closes(close) && !close) headers.push('connection', 'close');
    this.#status = status;
    response.writeHead(status, headers);
    this.#end(this.request.method === 'HEAD' ? undefined : Buffer.from(body).toString('latin1'));
  }

  /** @param last the rest of the body, as latin1 */
  #end(last?: string): void {
    const { response, request } = this;
    this.options.release();
    if (!this.options.requestComplete()) closeGently(request, response, this.context.clock);
    if (last === undefined) response.end();
    else endWith(response, last);
    // What the kernel did not take at once waits for the app to read.
    if ((response.socket?.writableLength ?? 0) > 0) this.#watchReader();
  }

  #break(error: OutriggerError): void {
    this.#state = 'answered';
    this.#error = error;
    cut(this.request.socket);
  }

  /** An app that doesn't read for so long does not want the answer. */
  #watchReader(): void {
    this.#stall?.cancel();
    this.#stall = this.context.clock.setTimer(this.options.idleTimeoutMs, () => {
      this.context.emit({ type: 'timeout', call: this.call, kind: 'idle' });
      cut(this.request.socket);
    });
  }

  /** The connection, or this turn on it, has ended, and with it the call. */
  protected readonly settle = (): void => {
    if (this.#state === 'over') return;
    const { context, call } = this;
    const unfinished = !this.response.writableFinished && this.#status !== 101 && this.#error === undefined;
    this.#state = 'over';
    this.#stall?.cancel();
    if (unfinished) {
      this.#error = clientGone();
      this.#abort(this.#error);
    }
    this.options.release();
    context.live.delete(this);
    context.emit({
      type: 'call',
      call,
      status: this.#status,
      outcome: outcomeOf(this.#error, call.fallback, this.#status),
      error: this.#error,
      durationMs: context.clock.now() - call.startedAt,
    });
    context.count.end();
  };
}

function clientGone(): OutriggerError {
  return new OutriggerError('client-gone', 'the app closed its connection');
}
