import { Agent, request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What became of calls. Each is either answered wholly or failed. */
export interface Load {
  sent: number;
  /** Whole answers by their status. */
  readonly answered: Map<number, number>;
  /** Errors by their code: no answer, or a broken one. */
  readonly failed: Map<string, number>;
  slowestMs: number;
}

export interface LoadOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** How many calls, and how many of them at once. */
  readonly calls: number;
  readonly concurrency: number;
  /** Between two calls of one caller, in milliseconds. */
  readonly pauseMs?: number;
  /** Asked before each call; false ends the load. */
  readonly goOn?: () => boolean;
}

/** Makes calls over kept connections, as an app does. Never throws: what fails is counted. */
export async function load(url: string, options: LoadOptions): Promise<Load> {
  const { calls, concurrency, pauseMs, goOn = () => true } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const result: Load = { sent: 0, answered: new Map(), failed: new Map(), slowestMs: 0 };
  const worker = async () => {
    while (result.sent < calls && goOn()) {
      result.sent++;
      const start = performance.now();
      const end = await once(url, agent, options);
      if (typeof end === 'number') count(result.answered, end);
      else count(result.failed, end);
      result.slowestMs = Math.max(result.slowestMs, performance.now() - start);
      if (pauseMs !== undefined) await sleep(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  agent.destroy();
  return result;
}

/** How many calls had an answer. */
export function answeredOf({ answered }: Load): number {
  return [...answered.values()].reduce((sum, one) => sum + one, 0);
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** One call: the status once the answer is whole, or the code of what went wrong. */
function once(url: string, agent: Agent, { method = 'GET', path = '/', headers = {}, body }: LoadOptions) {
  return new Promise<number | string>((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message);
    const call = request(new URL(path, url), { method, agent, headers }, (response: IncomingMessage) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', failed);
      response.on('aborted', () => resolve('aborted'));
    });
    call.on('error', failed);
    call.end(body);
  });
}
