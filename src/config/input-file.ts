import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** No file is read that has more bytes: what a ConfigMap of Kubernetes holds at most, and read within a second or two. */
export const MOST_BYTES = 1024 * 1024;

const PIECE_BYTES = 64 * 1024;

/** What a policy file, a file of policy tests, or a file that one of these names, holds. */
export interface InputFile {
  readonly bytes: Uint8Array;
  /** Whether it can be read again: it is no pipe and no device. */
  readonly regular: boolean;
}

/**
 * Reads a file, up to MOST_BYTES: a device such as /dev/zero has no end, and a process that takes in too much is killed.
 * Throws a TooLargeError for what has more, and otherwise as the file system does.
 *
 * @param pipes whether one is waited for, as `cat` does; while calls are served, none is
 */
export function readInput(path: string, pipes: 'wait' | 'refuse' = 'wait'): InputFile {
  const descriptor = openSync(path, pipes === 'wait' ? constants.O_RDONLY : WITHOUT_WAITING);
  try {
    const stats = fstatSync(descriptor);
    if (pipes === 'refuse' && !stats.isFile() && !stats.isDirectory()) throw new Error('it is no regular file');
    const pieces = new Pieces();
    for (;;) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const read = readSync(descriptor, piece);
      if (read === 0) return { bytes: pieces.whole(), regular: stats.isFile() };
      pieces.add(piece.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The same for what may have changed: undefined for what can't be read again. It waits for no pipe, and holds no call up. */
export async function readAgain(path: string): Promise<Uint8Array | undefined> {
  // Before it is opened: whoever writes to a pipe would take this for its reader.
  if (!isReadable(await stat(path))) return undefined;
  const file = await open(path, WITHOUT_WAITING);
  try {
    if (!isReadable(await file.stat())) return undefined;
    const pieces = new Pieces();
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE_BYTES));
      if (bytesRead === 0) return pieces.whole();
      pieces.add(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

const WITHOUT_WAITING = constants.O_RDONLY | constants.O_NONBLOCK;

/** A folder is none, and to read it says so. */
function isReadable(stats: { isFile(): boolean; isDirectory(): boolean }): boolean {
  return stats.isFile() || stats.isDirectory();
}

class Pieces {
  readonly #pieces: Buffer[] = [];
  #size = 0;

  add(piece: Buffer): void {
    this.#size += piece.length;
    if (this.#size > MOST_BYTES) throw new TooLargeError();
    this.#pieces.push(piece);
  }

  whole(): Uint8Array {
    return Buffer.concat(this.#pieces, this.#size);
  }
}

export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
  readonly code = 'file-too-large';

  constructor() {
    super('it is larger than 1 MiB, which is the most that is read');
  }
}
