import { isAbsolute, resolve } from 'node:path';
import { checkValues } from './check-values.js';
import { readDocument } from './document.js';
import { Files, readFromDisk, type ReadFile } from './files.js';
import { ConfigError, Issues, SourceText } from './issues.js';
import type { MapNode } from './nodes.js';
import { normalise } from './normalise.js';
import type { SchemaNode } from './schema-node.js';
import { reasonOf } from './substitute.js';
import { validate } from './validate.js';

export interface LoadOptions {
  /** What `${NAME}` is looked up in. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the file and the files it names; by default, from the disk. */
  readonly readFile?: ReadFile;
}

/** A file as it was written, checked against its schema as far as that goes key by key. */
export interface WrittenFile {
  readonly written: MapNode;
  /** What is wrong so far; whoever checks on adds to it. */
  readonly issues: Issues;
  readonly files: Files;
  readonly source: SourceText;
}

/** A file's text. Throws a ConfigError if it can not be read. */
export function readText(file: string, { readFile = readFromDisk }: LoadOptions): string {
  try {
    return Buffer.from(readFile(file)).toString('utf8');
  } catch (error) {
    const message = `the file can not be read: ${reasonOf(error)}`;
    const suggestion = isAbsolute(file) ? undefined : `it was looked for at ${resolve(file)}`;
    throw new ConfigError([{ file, line: 1, column: 1, path: '', message, suggestion }], undefined, error);
  }
}

/**
 * Reads the text of a file of ours. Throws a ConfigError if there is no map in it.
 *
 * @param needs what has to be in it, for people
 */
export function readTree(
  text: string,
  file: string,
  schema: SchemaNode,
  needs: string,
  { env, readFile }: LoadOptions,
): WrittenFile {
  const clean = text.replace(/^\uFEFF/, '');
  const source = new SourceText(file, clean);
  const issues = new Issues(source);
  const files = new Files(file, readFile);
  const document = readDocument(clean, issues, { env, readText: (path) => files.text(path) });
  if (document === undefined) throw new ConfigError(issues.sorted(), source);
  if (document.kind === 'scalar' && document.value === null) {
    issues.add(0, [], 'the file is empty', `it needs at least ${needs}`);
    throw new ConfigError(issues.sorted(), source);
  }
  const written = normalise(document, schema);
  validate(written, schema, [], issues);
  checkValues(written, schema, [], issues);
  if (written.kind !== 'map') throw new ConfigError(issues.sorted(), source);
  return { written, issues, files, source };
}
