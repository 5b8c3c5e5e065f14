import { readFileSync } from 'node:fs';
import { checkReferences } from './check-references.js';
import { checkValues } from './check-values.js';
import type { Config } from './config.js';
import { readDocument } from './document.js';
import { checkFiles, Files, type ReadFile } from './files.js';
import { fill } from './fill.js';
import { ConfigError, Issues, SourceText } from './issues.js';
import { asDefaults, type ConfigNode, entryOf, type MapNode, merge, nodeAt, toValue } from './nodes.js';
import { normalise } from './normalise.js';
import { resolveConfig } from './resolve.js';
import { type ConfigFile, ConfigFileSchema } from './schema.js';
import { reasonOf } from './substitute.js';
import { validate } from './validate.js';

export interface LoadOptions {
  /** What `${NAME}` is looked up in. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the file and the files it names; by default, from the disk. */
  readonly readFile?: ReadFile;
}

/** Reads a policy file. Throws a ConfigError that holds everything that is wrong with it. */
export function loadConfig(file: string, options: LoadOptions): Config {
  let text: string;
  try {
    text = Buffer.from((options.readFile ?? readFileSync)(file)).toString('utf8');
  } catch (error) {
    const message = `the file can not be read: ${reasonOf(error)}`;
    throw new ConfigError([{ file, line: 1, column: 1, path: '', message, suggestion: undefined }], undefined, error);
  }
  return parseConfig(text, file, options);
}

/** Reads a policy file's text. `file` names it in errors, and its folder is where relative paths start. */
export function parseConfig(text: string, file: string, options: LoadOptions): Config {
  const clean = text.replace(/^\uFEFF/, '');
  const source = new SourceText(file, clean);
  const issues = new Issues(source);
  const files = new Files(file, options.readFile);
  const document = readDocument(clean, issues, { env: options.env, readText: (path) => files.text(path) });
  if (document === undefined) throw new ConfigError(issues.sorted(), source);
  if (document.kind === 'scalar' && document.value === null) {
    issues.add(0, [], 'the file is empty', 'it needs at least upstreams and routes');
    throw new ConfigError(issues.sorted(), source);
  }
  const written = normalise(document, ConfigFileSchema);
  validate(written, ConfigFileSchema, [], issues);
  checkValues(written, ConfigFileSchema, [], issues);
  if (written.kind !== 'map') throw new ConfigError(issues.sorted(), source);

  const effective = effectiveTree(written, issues);
  checkReferences(effective, issues);
  checkFiles(effective, files, issues);
  if (issues.size > 0) throw new ConfigError(issues.sorted(), source);
  // Valid by the schema that the type is made of, and filled in by it.
  return resolveConfig(toValue(effective) as ConfigFile, effective, files, source);
}

/** The file with `defaults` merged under each route and upstream, and the built-in defaults under all. */
function effectiveTree(written: MapNode, issues: Issues): MapNode {
  const over = (under: 'route' | 'upstream', node: ConfigNode): ConfigNode => {
    const defaults = nodeAt(written, 'defaults', under);
    if (defaults === undefined || node.kind !== 'map') return node;
    return merge(asDefaults(defaults), node) ?? node;
  };
  const entries = written.entries.flatMap((entry) => {
    if (entry !== entryOf(written, entry.key) || entry.key === 'defaults') return [];
    const { value } = entry;
    if (entry.key === 'routes' && value.kind === 'list') {
      return [{ ...entry, value: { ...value, items: value.items.map((route) => over('route', route)) } }];
    }
    if (entry.key === 'upstreams' && value.kind === 'map') {
      const upstreams = value.entries.map((upstream) => ({ ...upstream, value: over('upstream', upstream.value) }));
      return [{ ...entry, value: { ...value, entries: upstreams } }];
    }
    return [entry];
  });
  const filled = fill(ConfigFileSchema, { ...written, entries }, [], issues);
  return filled.kind === 'map' ? filled : written;
}
