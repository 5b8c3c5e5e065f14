import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A compiled script run as a process of its own. */
export class Child {
  readonly process: ChildProcess;
  /** What it has written so far. */
  stdout = '';
  stderr = '';
  readonly #changed = new EventTarget();
  readonly #closed: Promise<unknown>;

  /**
   * @param stdout where its standard output goes: to `stdout` here, or to a descriptor
   * @param descriptors how many files and sockets it may have open
   */
  constructor(
    script: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    stdout: 'pipe' | number = 'pipe',
    descriptors?: number,
  ) {
    const node = [process.execPath, script, ...args] as const;
    const limited = ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', ...node] as const;
    const [program, ...rest] = descriptors === undefined ? node : limited;
    this.process = spawn(program, rest, {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', stdout, 'pipe'],
    });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#changed.dispatchEvent(new Event('change'));
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#changed.dispatchEvent(new Event('change'));
    });
    this.#closed = once(this.process, 'close');
    this.process.once('close', () => this.#changed.dispatchEvent(new Event('change')));
  }

  /** Waits for a text in what it writes; fails if the process ends without it. */
  async says(pattern: RegExp, where: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this[where]);
      if (match !== null) return match;
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`ended without ${String(pattern)}; stdout: ${this.stdout} stderr: ${this.stderr}`);
      }
      await once(this.#changed, 'change');
    }
  }

  /** Its exit code, when it has ended and all it wrote was read; the signal's name if one killed it. */
  async ended(): Promise<number | string | null> {
    await this.#closed;
    return this.process.exitCode ?? this.process.signalCode;
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** The JSON lines on stdout. */
  lines(): Readonly<Record<string, unknown>>[] {
    const lines = this.stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  }
}

/** The path of a compiled file, from the project's root without `.js`: `src/main`. */
export function compiled(file: string): string {
  return fileURLToPath(new URL(`../../${file}.js`, import.meta.url));
}
