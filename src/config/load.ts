import { checkReferences } from './check-references.js';
import type { Config } from './config.js';
import { checkFiles } from './files.js';
import { fill } from './fill.js';
import { ConfigError, type Issues } from './issues.js';
import { asDefaults, type ConfigNode, entryOf, type MapNode, merge, nodeAt, toValue } from './nodes.js';
import { readText, readTree, type LoadOptions } from './read-tree.js';
import { resolveConfig } from './resolve.js';
import { type ConfigFile, ConfigFileSchema } from './schema.js';

export type { LoadOptions };

/** Reads a policy file. Throws a ConfigError that holds everything that is wrong with it. */
export function loadConfig(file: string, options: LoadOptions): Config {
  return parseConfig(readText(file, options), file, options);
}

/** Reads a policy file's text. `file` names it in errors, and its folder is where relative paths start. */
export function parseConfig(text: string, file: string, options: LoadOptions): Config {
  const { written, issues, files, source } = readTree(text, file, ConfigFileSchema, 'upstreams and routes', options);
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
