import { hash } from 'node:crypto';
import type { Config } from '../config/config.js';
import { readInput } from '../config/input-file.js';
import { loadConfig, type LoadOptions } from '../config/load.js';

/** Where policies come from, again and again. */
export interface PolicySource {
  /** Reads the file, and the files that it names. Throws a ConfigError for what can't be taken. */
  load(): Config;
  /** What `load` last read, or tried to: full paths, and what `digestOf` made of each. */
  readonly files: ReadonlyMap<string, string>;
}

/** A policy file on the disk. */
export class PolicyFile implements PolicySource {
  readonly #file: string;
  readonly #env: LoadOptions['env'];
  readonly #adjust: (config: Config) => Config;
  #files = new Map<string, string>();
  #loaded = false;

  /** @param adjust what beats the file: flags and the environment */
  constructor(file: string, env: LoadOptions['env'], adjust: (config: Config) => Config = (config) => config) {
    this.#file = file;
    this.#env = env;
    this.#adjust = adjust;
  }

  get files(): ReadonlyMap<string, string> {
    return this.#files;
  }

  load(): Config {
    const files = new Map<string, string>();
    this.#files = files;
    // Once, at the start, it may be a pipe; to wait for another one would stop all calls.
    const pipes = this.#loaded ? 'refuse' : 'wait';
    this.#loaded = true;
    return this.#adjust(
      loadConfig(this.#file, {
        env: this.#env,
        readFile(path) {
          try {
            const { bytes, regular } = readInput(path, pipes);
            files.set(path, regular ? digestOf(bytes) : NO_FILE);
            return bytes;
          } catch (error) {
            files.set(path, digestOfError(error));
            throw error;
          }
        },
      }),
    );
  }
}

/** What stands for a file's content. */
export function digestOf(content: Uint8Array): string {
  return hash('sha256', content, 'base64');
}

/** What stands for the content of something that can't be read. */
export function digestOfError(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** What stands for the content of a pipe, a device or a socket. */
export const NO_FILE = 'no file';
