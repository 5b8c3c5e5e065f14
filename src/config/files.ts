import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { namedText } from './describe.js';
import { readInput } from './input-file.js';
import type { Issues } from './issues.js';
import { entriesAt, itemsAt, type MapNode, nodeAt, ownPath, type PathStep, stringAt } from './nodes.js';
import { reasonOf } from './substitute.js';

export type ReadFile = (path: string) => Uint8Array;

export const readFromDisk: ReadFile = (path) => readInput(path).bytes;

/** The files that a policy file names; each is read once. Relative paths start at the policy file's folder. */
export class Files {
  readonly #folder: string;
  readonly #readFile: ReadFile;
  readonly #read = new Map<string, Uint8Array>();

  constructor(policyFile: string, readFile: ReadFile = readFromDisk) {
    this.#folder = dirname(resolve(policyFile));
    this.#readFile = readFile;
  }

  /** A file's content. Throws as the file system does. */
  bytes(path: string): Uint8Array {
    const full = resolve(this.#folder, path);
    const known = this.#read.get(full);
    if (known !== undefined) return known;
    const content = this.#readFile(full);
    this.#read.set(full, content);
    return content;
  }

  text(path: string): string {
    return Buffer.from(this.bytes(path)).toString('utf8');
  }
}

const TLS_FILES = ['ca', 'cert', 'key'] as const;

/** Checks that all files named can be read, and that TLS can be set up with them. */
export function checkFiles(root: MapNode, files: Files, issues: Issues): void {
  for (const [index, route] of itemsAt(root, 'routes').entries()) {
    for (const [step] of itemsAt(route, 'fallback', 'steps').entries()) {
      const path = ['routes', index, 'fallback', 'steps', step, 'response', 'bodyFile'];
      readable(root, path, files, issues);
    }
  }
  for (const { key: name } of entriesAt(root, 'upstreams')) checkTls(root, ['upstreams', name, 'tls'], files, issues);
}

function checkTls(root: MapNode, path: readonly PathStep[], files: Files, issues: Issues): void {
  const tls: { ca?: string; cert?: string; key?: string } = {};
  for (const name of TLS_FILES) {
    const text = readable(root, [...path, name], files, issues);
    if (text !== undefined) tls[name] = text;
  }
  const say = (name: 'ca' | 'cert' | 'key', message: string) => {
    const node = nodeAt(root, ...path, name);
    if (node !== undefined) issues.add(node.offset, ownPath(node, [...path, name]), message);
  };
  const given = (name: string) => nodeAt(root, ...path, name) !== undefined;
  if (given('cert') && !given('key')) say('cert', "a cert needs the 'key' that belongs to it");
  if (given('key') && !given('cert')) say('key', "a key needs the 'cert' that belongs to it");
  // OpenSSL takes a text without any certificate as an empty list: nothing would be trusted.
  if (tls.ca !== undefined && !tls.ca.includes('-----BEGIN')) say('ca', 'the file holds no PEM certificate');
  else if (tls.ca !== undefined) usable({ ca: tls.ca }, (why) => say('ca', `the file is no PEM certificate: ${why}`));
  if (tls.cert === undefined || tls.key === undefined) return;
  usable({ cert: tls.cert, key: tls.key }, (why) => say('cert', `cert and key can not be used: ${why}`));
}

function usable(options: { ca?: string; cert?: string; key?: string }, say: (why: string) => void): void {
  try {
    createSecureContext(options);
  } catch (error) {
    say(reasonOf(error));
  }
}

function readable(root: MapNode, path: readonly PathStep[], files: Files, issues: Issues): string | undefined {
  const name = stringAt(root, ...path);
  const node = nodeAt(root, ...path);
  if (name === undefined || node === undefined || name === '' || issues.has(path)) return undefined;
  try {
    return files.text(name);
  } catch (error) {
    issues.add(node.offset, ownPath(node, path), `${namedText(node)} can not be read: ${reasonOf(error)}`);
    return undefined;
  }
}
