import type { OutriggerError } from '../errors.js';
import type { EventOf, PolicyEvent } from '../policies/events.js';
import type { Attempt, Call, Clock } from '../policies/policy.js';
import type { AppCall } from '../simulation/app-call.js';
import { durationText } from './comparison.js';

/** Something that happened, in virtual milliseconds. */
export interface TimelineEntry {
  readonly at: number;
  readonly text: string;
}

type AttemptEvent = EventOf<'attempt'>;

/** Writes down what becomes of one call, attempt by attempt. */
export class Timeline {
  readonly #clock: Clock;
  readonly #entries: (TimelineEntry & { readonly order: number })[] = [];
  readonly #started = new Map<Attempt, { readonly at: number; readonly number: number; readonly order: number }>();
  #order = 0;
  #attempts = 0;
  /** Where the line of the last injected fault stands. */
  #faultOrder = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In the order of time. */
  get entries(): readonly TimelineEntry[] {
    return this.#entries.toSorted((a, b) => a.at - b.at || a.order - b.order).map(({ at, text }) => ({ at, text }));
  }

  begin(call: Call | undefined, method: string, path: string): void {
    const route = call === undefined ? 'no route' : `route ${call.route}, upstream ${call.upstream}`;
    this.#add(`${method} ${path} (${route})`);
  }

  /** An attempt goes out. Its line is written when it has ended, and stands where it began. */
  attempt(attempt: Attempt): void {
    this.#started.set(attempt, {
      at: this.#clock.now(),
      number: ++this.#attempts,
      order: this.#order++,
    });
  }

  record(event: PolicyEvent): void {
    if (event.type === 'attempt') {
      this.#ended(event);
      return;
    }
    if (event.type === 'fault') this.#faultOrder = this.#order;
    const text = textOf(event);
    if (text !== undefined) this.#add(text);
  }

  end(call: AppCall): void {
    for (const [attempt, { at, number, order }] of this.#started) {
      this.#entries.push({ at, order, text: `${nameOf(attempt, number)}: no answer` });
    }
    const status = call.answer?.status;
    const fallback = call.call?.fallback === undefined ? '' : `, by fallback ${call.call.fallback}`;
    const { error } = call;
    if (call.endedAt === undefined) this.#add('never answered');
    else if (error === undefined) this.#add(`answered ${status}${fallback}`);
    else this.#add(`answered ${status} ${error.code}: ${error.message}`);
  }

  #ended({ attempt, result, status, error, durationMs }: AttemptEvent): void {
    const started = this.#started.get(attempt);
    const number = started?.number ?? ++this.#attempts;
    this.#started.delete(attempt);
    // An injected fault stands in for the upstream, which never saw the attempt: the line follows the fault's.
    const at = started?.at ?? this.#clock.now() - durationMs;
    const order = started?.order ?? this.#faultOrder + 0.5;
    const what = status ?? described(result, error);
    this.#entries.push({ at, order, text: `${nameOf(attempt, number)}: ${what} after ${durationText(durationMs)}` });
  }

  #add(text: string): void {
    this.#entries.push({ at: this.#clock.now(), order: this.#order++, text });
  }
}

function nameOf({ hedge, endpoint }: Attempt, number: number): string {
  return `${hedge ? 'hedge, ' : ''}attempt ${number} to ${endpoint?.label ?? 'no endpoint'}`;
}

function described(result: string, error: OutriggerError | undefined): string {
  return error === undefined || error.message === result ? result : `${result} (${error.message})`;
}

function textOf(event: PolicyEvent): string | undefined {
  switch (event.type) {
    case 'retry':
      return `back-off of ${durationText(event.delayMs)}, then a retry because of ${event.reason}`;
    case 'retry-suppressed':
      return `no retry: ${event.reason}`;
    case 'timeout':
      // Of the others the attempt's own line tells.
      return event.kind === 'deadline' ? 'the deadline has passed' : undefined;
    case 'circuit':
      return `circuit ${event.key}: ${event.from} → ${event.to} (${event.reason})`;
    case 'circuit-refusal':
      return 'refused by the circuit';
    case 'fallback':
      return `fallback ${event.kind} because of ${event.cause}: ${event.result}`;
    case 'hedge':
      return `hedge ${event.result}`;
    case 'rate-limited':
      return 'refused by the rate limit';
    case 'fault':
      return `injected fault: ${event.kind}`;
    case 'shadow':
      return `shadow ${event.policy}: ${event.action}`;
    default:
      return undefined;
  }
}

/** The call that an event is about; undefined for one about more than a call. */
export function callOf(event: PolicyEvent): Call | undefined {
  if ('call' in event) return event.call;
  return 'attempt' in event ? event.attempt.call : undefined;
}
