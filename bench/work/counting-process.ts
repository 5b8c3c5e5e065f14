import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Ask, Counting, Events, Site } from './protocol.js';

/** Every function in the interpreter, and every allocation a sample of its own. */
const UNOPTIMISED = ['--no-opt', '--no-maglev', '--no-sparkplug', '--sampling-heap-profiler-suppress-randomness'];
/** A young generation so large, in MiB, that nothing is collected while it is counted. */
const UNCOLLECTED = ['--min-semi-space-size=64', '--max-semi-space-size=64'];

/** The process of counter.ts. What it says is read in the order in which it was asked. */
export class CountingProcess {
  readonly #child: ChildProcess;
  /** The proxy's. */
  readonly port: Promise<number>;
  readonly #ended: Promise<never>;

  constructor(upstreamPort: number, tracing: string, wasteful: boolean) {
    const args = [`http://127.0.0.1:${upstreamPort}`, tracing, ...(wasteful ? ['wasteful'] : [])];
    this.#child = fork(fileURLToPath(new URL('counter.js', import.meta.url)), args, {
      execArgv: [...UNOPTIMISED, ...UNCOLLECTED],
      // Whatever the parent runs with, flags of its own included, must not change what is counted.
      env: { PATH: process.env.PATH },
    });
    this.#ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the counting process ended with ${String(code)}`);
    });
    this.#ended.catch(() => {});
    this.port = this.#answer().then((answer) => ('port' in answer ? answer.port : unexpected(answer)));
    this.port.catch(() => {});
  }

  /** What happened while it ran. */
  async events(run: () => Promise<void>): Promise<Events> {
    const answer = await this.#during('events', run);
    return 'events' in answer ? answer.events : unexpected(answer);
  }

  /** What was allocated while it ran. */
  async allocations(run: () => Promise<void>): Promise<Site[]> {
    const answer = await this.#during('allocations', run);
    return 'sites' in answer ? [...answer.sites] : unexpected(answer);
  }

  end(): void {
    this.#child.kill();
  }

  async #during(counting: Counting, run: () => Promise<void>): Promise<Answer> {
    await this.#ask({ start: counting });
    await run();
    return this.#ask('stop');
  }

  #ask(ask: Ask): Promise<Answer> {
    const answer = this.#answer();
    this.#child.send(ask);
    return answer;
  }

  #answer(): Promise<Answer> {
    return Promise.race([once(this.#child, 'message').then(([answer]) => answer as Answer), this.#ended]);
  }
}

function unexpected(answer: Answer): never {
  throw new Error(`the counting process said ${JSON.stringify(answer).slice(0, 200)}`);
}
