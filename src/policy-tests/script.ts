import type { ResolvedUpstream } from '../config/config.js';
import type { Call, CallOptions, Clock, Dispatch } from '../policies/policy.js';
import { parseDuration } from '../policies/rules/units.js';
import { scriptedDispatch, type Answer, type SeenAttempt } from '../simulation/scripted-upstream.js';
import type { AnswerOptions, ScriptOptions } from './schema.js';

/** What an upstream does from a time on: answers by attempt of a call, the last one for ever. */
interface Phase {
  /** Virtual milliseconds. */
  readonly from: number;
  readonly answers: readonly Answer[];
}

/** What an upstream, or one of its endpoints, does. */
class Script {
  readonly phases: readonly Phase[];
  /** How many attempts of a call have come here. */
  readonly #attempts = new WeakMap<Call, number>();

  constructor(options: ScriptOptions) {
    const written: readonly (readonly [number, readonly AnswerOptions[]])[] = Array.isArray(options)
      ? [[0, options]]
      : Object.entries(options as Readonly<Record<string, readonly AnswerOptions[]>>).map(
          ([from, answers]) => [parseDuration(from), answers] as const,
        );
    this.phases = written
      .map(([from, answers]) => ({ from, answers: answers.map(toAnswer) }))
      .sort((a, b) => a.from - b.from);
  }

  /** What becomes of an attempt. A health check gets what the first attempt of a call would. */
  answer({ call }: CallOptions, now: number): Answer {
    const attempt = call === undefined ? 1 : (this.#attempts.get(call) ?? 0) + 1;
    if (call !== undefined) this.#attempts.set(call, attempt);
    const answers = this.phases.findLast(({ from }) => from <= now)?.answers;
    return answers?.[Math.min(attempt, answers.length) - 1] ?? OK;
  }
}

const OK: Answer = 200;

function toAnswer(answer: AnswerOptions): Answer {
  return typeof answer === 'object' ? { ...answer, after: parseDuration(answer.after) } : answer;
}

/** Upstreams as a test scripts them. */
export class ScriptedUpstreams {
  readonly #scripts: ReadonlyMap<string, Script>;
  readonly #clock: Clock;
  readonly #onSeen: (upstream: string, attempt: SeenAttempt) => void;

  /** @param onSeen told of each attempt of a call that reached an upstream */
  constructor(
    options: Readonly<Record<string, ScriptOptions>>,
    clock: Clock,
    onSeen: (upstream: string, attempt: SeenAttempt) => void,
  ) {
    this.#scripts = new Map(Object.entries(options).map(([name, script]) => [name, new Script(script)]));
    this.#clock = clock;
    this.#onSeen = onSeen;
  }

  /** When what they do changes, in virtual milliseconds and in order; 0 is no change. */
  get changes(): readonly number[] {
    const all = [...this.#scripts.values()].flatMap(({ phases }) => phases.map(({ from }) => from));
    return [...new Set(all)].filter((from) => from > 0).sort((a, b) => a - b);
  }

  /** In place of the connections to an endpoint; its own script goes before its upstream's. */
  readonly dispatchTo = (upstream: ResolvedUpstream, origin: string): Dispatch => {
    const { name, healthCheck } = upstream;
    const script = this.#scripts.get(origin) ?? this.#scripts.get(name);
    const clock = this.#clock;
    const good = healthCheck === false ? 200 : Number(healthCheck.expect[0]?.slice(0, 3) ?? 200);
    return scriptedDispatch(
      clock,
      (opts) => {
        const answer = script?.answer(opts, clock.now()) ?? OK;
        // What is fine for a call is fine for a check, whatever status it goes by.
        return opts.call === undefined && isFine(answer) ? good : answer;
      },
      (attempt) => {
        if (attempt.opts.call !== undefined) this.#onSeen(name, attempt);
      },
    );
  };
}

function isFine(answer: Answer): boolean {
  return (typeof answer === 'number' ? answer : typeof answer === 'object' ? answer.status : Infinity) < 400;
}
