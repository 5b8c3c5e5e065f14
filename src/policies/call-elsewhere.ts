import { NONE_YET } from './call-context.js';
import type { Call, RequestBody } from './policy.js';
import type { CallTrace } from './trace.js';

/** The call as the other upstream's layers see it: under that upstream's name, with its own deadline and endpoints. */
export class CallElsewhere implements Call {
  readonly upstream: string;
  tried: Call['tried'] = NONE_YET;
  deadlineAt = Infinity;
  readonly #call: Call;

  constructor(call: Call, upstream: string) {
    this.#call = call;
    this.upstream = upstream;
  }

  get route(): string {
    return this.#call.route;
  }

  get method(): string {
    return this.#call.method;
  }

  get host(): string {
    return this.#call.host;
  }

  get path(): string {
    return this.#call.path;
  }

  get startedAt(): number {
    return this.#call.startedAt;
  }

  get traceId(): string | undefined {
    return this.#call.traceId;
  }

  get trace(): CallTrace | undefined {
    return this.#call.trace;
  }

  get root(): Call {
    return this.#call.root;
  }

  get body(): RequestBody {
    return this.#call.body;
  }

  get forwarded(): readonly string[] {
    return this.#call.forwarded;
  }

  header(name: string): string | undefined {
    return this.#call.header(name);
  }

  get attempts(): number {
    return this.#call.attempts;
  }

  set attempts(count: number) {
    this.#call.attempts = count;
  }

  get sent(): boolean {
    return this.#call.sent;
  }

  set sent(sent: boolean) {
    this.#call.sent = sent;
  }

  get retries(): number {
    return this.#call.retries;
  }

  set retries(count: number) {
    this.#call.retries = count;
  }

  get suppressed(): Call['suppressed'] {
    return this.#call.suppressed;
  }

  set suppressed(reasons: Call['suppressed']) {
    this.#call.suppressed = reasons;
  }

  get fallback(): Call['fallback'] {
    return this.#call.fallback;
  }

  set fallback(kind: Call['fallback']) {
    this.#call.fallback = kind;
  }
}
