import { readFileSync } from 'node:fs';

/** Outrigger's version: that of the nearest package.json above this file, wherever it was compiled to. */
export const version = readVersion(import.meta.url);

function readVersion(from: string): string {
  const folder = new URL('..', from);
  try {
    const { version: found } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version: string };
    return found;
  } catch (error) {
    if (folder.pathname === '/') throw error;
    return readVersion(folder.href);
  }
}
