import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endAll } from './children.js';

/** Runs with a folder of its own. Afterwards all that was started is ended, and the folder gone. */
export async function inFolder<Result>(name: string, run: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), `outrigger-${name}-`));
  try {
    return await run(folder);
  } finally {
    await endAll();
    rmSync(folder, { recursive: true, force: true });
  }
}
