import { stat } from 'node:fs/promises';
import { readAgain } from '../config/input-file.js';
import type { Clock, Timer } from '../runtime/clock.js';
import { digestOf, digestOfError, NO_FILE } from './policy-file.js';

/** How often files are looked at, in milliseconds. */
const LOOK_EVERY_MS = 400;

/** A change is taken once nothing has changed for so long, in milliseconds: whoever writes in place has finished. */
const SETTLED_MS = 400;

/** What makes no sense is complained about only after so long, in milliseconds: it may be half of a file. */
const PATIENCE_MS = 1_200;

/** How files are looked at. */
export interface FileEyes {
  /** Differs whenever a file was written, moved or removed; costs little. */
  signature(path: string): Promise<string>;
  /** Differs only when the content does. */
  digest(path: string): Promise<string>;
}

export interface FileWatchOptions {
  readonly clock: Clock;
  /** The files, and the digests of what was last read of them. */
  readonly files: () => ReadonlyMap<string, string>;
  /** The content has changed. `patient`: what can't be taken may be unfinished. Answers whether it is to ask again. */
  readonly onChange: (patient: boolean) => Promise<'over' | 'again'>;
  readonly eyes?: FileEyes;
}

/**
 * Notices that the content of files has changed. It looks at them a few times a second, by their paths: so it sees a file
 * written in place, one that was moved over it, and Kubernetes' swap of a symlink further up, on every file system. What
 * the system has to tell changes by (inotify) follows files and not paths, tells nothing on network file systems, and has
 * limits of its own that others on the machine use up.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #eyes: FileEyes;
  #timer: Timer | undefined;
  #running = false;
  #signature: string | undefined;
  #changedAt = 0;
  /** A change has been seen, and not been dealt with. */
  #pending = false;
  /** It was not taken, and may be unfinished. */
  #again = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#eyes = options.eyes ?? EYES;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#lookLater();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
  }

  #lookLater(): void {
    this.#timer?.cancel();
    if (!this.#running) return;
    this.#timer = this.#options.clock.setTimer(LOOK_EVERY_MS, () => void this.#look(), true);
  }

  async #look(): Promise<void> {
    const { clock, files } = this.#options;
    const paths = [...files().keys()];
    const signature = (await Promise.all(paths.map((path) => this.#eyes.signature(path)))).join();
    const now = clock.now();
    if (signature !== this.#signature) {
      this.#signature = signature;
      this.#changedAt = now;
      this.#pending = true;
    } else if (this.#pending && now - this.#changedAt >= SETTLED_MS) {
      await this.#settled(now - this.#changedAt < PATIENCE_MS);
    }
    this.#lookLater();
  }

  async #settled(patient: boolean): Promise<void> {
    if (!this.#again && !(await this.#differs())) {
      this.#pending = false;
      return;
    }
    if (!this.#running) return;
    this.#again = (await this.#options.onChange(patient)) === 'again';
    this.#pending = this.#again;
  }

  async #differs(): Promise<boolean> {
    const known = [...this.#options.files()];
    const digests = await Promise.all(known.map(([path]) => this.#eyes.digest(path)));
    return known.some(([, digest], index) => digest !== digests[index]);
  }
}

const EYES: FileEyes = {
  async signature(path) {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(':');
    } catch (error) {
      return digestOfError(error);
    }
  },
  async digest(path) {
    try {
      const content = await readAgain(path);
      return content === undefined ? NO_FILE : digestOf(content);
    } catch (error) {
      return digestOfError(error);
    }
  },
};
