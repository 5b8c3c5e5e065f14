import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Parser,
  type Scalar,
  visit,
  type YAMLError,
} from 'yaml';
import type { Issues } from './issues.js';
import { nestsDeeperThan } from './nesting.js';
import type { ConfigNode, Entry, PathStep, ScalarValue } from './nodes.js';
import { retype, substitute, type Variables } from './substitute.js';

/** Deeper files are not read: no policy needs it, and a stack is finite. */
const MAX_DEPTH = 64;
/** What is composed at all: a map in a list takes two levels of a path, and the reader below tells where it is too deep. */
const MAX_COMPOSED_DEPTH = 4 * MAX_DEPTH;
/** Aliases may repeat parts of a file, but not without end. */
const MAX_NODES = 100_000;
/** What `${…}` stand for is bounded too, in characters. */
const MAX_TEXT = 16 * 1024 * 1024;

/**
 * Reads a YAML text into nodes that know where they stand, with `${…}` replaced in every value. Adds to `issues` what is
 * wrong; undefined if the text is no YAML at all.
 */
export function readDocument(text: string, issues: Issues, variables: Variables): ConfigNode | undefined {
  let document: Document.Parsed | undefined;
  let second: Document.Parsed | undefined;
  try {
    // What `parseDocument` does, with a look between its two steps.
    const tokens = [...new Parser().parse(text)];
    if (nestsDeeperThan(tokens, MAX_COMPOSED_DEPTH)) {
      issues.add(0, [], 'not readable as YAML: nested too deeply');
      return undefined;
    }
    // A key given twice is told by the reader below, with its path, and without holding each against all others.
    const composer = new Composer({ keepSourceTokens: false, logLevel: 'error', uniqueKeys: false });
    [document, second] = composer.compose(tokens, true, text.length);
  } catch (error) {
    issues.add(0, [], `not readable as YAML: ${String(error)}`);
    return undefined;
  }
  // Composing has been told to make a document even of nothing.
  if (document === undefined) return undefined;
  if (second !== undefined) {
    issues.add(second.range[0], [], 'not valid YAML: the file holds several YAML documents; one is allowed');
    return undefined;
  }
  const problems = [...document.errors, ...document.warnings];
  for (const problem of problems) addYamlProblem(problem, text, issues);
  if (problems.length > 0) return undefined;
  const reader = new Reader(document, issues, variables);
  const tree = reader.read(document.contents, []);
  return reader.tooLarge ? undefined : tree;
}

function addYamlProblem(problem: YAMLError, text: string, issues: Issues): void {
  const offset = Math.min(problem.pos[0], text.length);
  const { line } = issues.source.position(offset);
  const flowVariable = /[[{,:]\s*\$\{/.test(issues.source.line(line) ?? '');
  const comparison = /:\s*(>=?\s*[\d.]+\S*)/.exec(issues.source.line(line) ?? '')?.[1];
  const suggestion = flowVariable ? 'inside [ ] and { }, write "${…}" in quotes' : undefined;
  // To YAML a > begins a text of several lines.
  const quoted = comparison === undefined ? undefined : `write it in quotes: "${comparison}"`;
  issues.add(offset, [], `not valid YAML: ${problem.message}`, suggestion ?? quoted);
}

class Reader {
  readonly #document: Document.Parsed;
  readonly #issues: Issues;
  readonly #variables: Variables;
  /** So that it was not read to its end. */
  tooLarge = false;
  #targets: ReadonlyMap<Alias, unknown> | undefined;
  #nodes = 0;
  #put = 0;

  constructor(document: Document.Parsed, issues: Issues, variables: Variables) {
    this.#document = document;
    this.#issues = issues;
    this.#variables = variables;
  }

  read(node: unknown, path: readonly PathStep[], at = 0): ConfigNode | undefined {
    const offset = offsetOf(node) ?? at;
    if (this.tooLarge) return undefined;
    if (path.length > MAX_DEPTH) {
      this.#issues.add(offset, path.slice(0, 4), 'nested too deeply (does an alias repeat what holds it?)');
      return undefined;
    }
    if (++this.#nodes > MAX_NODES) {
      this.#stop(offset, path.slice(0, 4), 'too large (does an alias repeat what holds it?)');
      return undefined;
    }
    if (isAlias(node)) {
      const target = (this.#targets ??= targetsOf(this.#document)).get(node);
      if (target !== undefined) return this.read(target, path, offset);
      this.#issues.add(offset, path, `the alias *${node.source} has no anchor`);
      return undefined;
    }
    if (isScalar(node)) return this.#scalar(node, path, offset);
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.read(item, [...path, index], offset));
      return { kind: 'list', offset, origin: 'own', items: items.filter((item) => item !== undefined) };
    }
    if (isMap(node)) return { kind: 'map', offset, origin: 'own', entries: this.#entries(node.items, path, offset) };
    return { kind: 'scalar', offset, origin: 'own', value: null, text: '', template: undefined };
  }

  #stop(offset: number, path: readonly PathStep[], message: string): void {
    this.tooLarge = true;
    this.#issues.add(offset, path, message);
  }

  #entries(pairs: readonly unknown[], path: readonly PathStep[], at: number): Entry[] {
    const entries: Entry[] = [];
    const keys = new Set<string>();
    for (const pair of pairs) {
      if (!isPair(pair)) continue;
      const keyOffset = offsetOf(pair.key) ?? at;
      if (!isScalar(pair.key)) {
        this.#issues.add(keyOffset, path, 'a key must be a plain name');
        continue;
      }
      const key = pair.key.source ?? String(pair.key.value);
      if (keys.has(key)) {
        this.#issues.add(keyOffset, [...path, key], 'this key is given twice', 'remove one of the two');
      }
      keys.add(key);
      // A key without a value has no place of its own.
      const value = this.read(pair.value, [...path, key], keyOffset);
      if (value !== undefined) entries.push({ key, keyOffset, value });
    }
    return entries;
  }

  #scalar(node: Scalar, path: readonly PathStep[], offset: number): ConfigNode {
    const written = typeof node.value === 'string' ? node.value : (node.source ?? '');
    const result = substitute(written, this.#variables, MAX_TEXT - this.#put);
    this.#put += result.put;
    if (this.#put > MAX_TEXT) {
      this.#stop(offset, path, 'too large: ${…} stand for more than 16 MiB in all');
    }
    for (const { message, suggestion } of result.problems) this.#issues.add(offset, path, message, suggestion);
    const template = result.substituted ? written : undefined;
    let value: ScalarValue = isScalarValue(node.value) ? node.value : null;
    if (result.problems.length > 0) value = written;
    else if (typeof node.value === 'string') {
      value = result.substituted && node.type === 'PLAIN' ? retype(result.text) : result.text;
    }
    return { kind: 'scalar', offset, origin: 'own', value, text: result.text, template };
  }
}

/** What each alias stands for: the last node before it with its anchor. All at once, as each by itself would search the file. */
function targetsOf(document: Document.Parsed): ReadonlyMap<Alias, unknown> {
  const anchors = new Map<string, unknown>();
  const targets = new Map<Alias, unknown>();
  visit(document, {
    Alias: (_key, alias) => void targets.set(alias, anchors.get(alias.source)),
    Value: (_key, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

function isScalarValue(value: unknown): value is ScalarValue {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function offsetOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}
