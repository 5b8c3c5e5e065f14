import type { PathStep } from './nodes.js';
import { pathText } from './nodes.js';

/** One thing that is wrong, or doubtful, in the policy file. `line` and `column` count from 1. */
export interface ConfigIssue {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The key's path, such as `routes[0].retry.maxAttempts`; empty for the file as a whole. */
  readonly path: string;
  /** What was found and what is allowed. */
  readonly message: string;
  /** What to write instead, where that can be told. */
  readonly suggestion: string | undefined;
}

/** A file's text, and the lines in it. */
export class SourceText {
  readonly file: string;
  readonly #lines: readonly string[];
  readonly #starts: readonly number[];

  constructor(file: string, text: string) {
    this.file = file;
    this.#lines = text.split('\n');
    const starts: number[] = [];
    let start = 0;
    for (const line of this.#lines) {
      starts.push(start);
      start += line.length + 1;
    }
    this.#starts = starts;
  }

  /** Line and column, from 1, of an offset. */
  position(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - this.#starts[low]! + 1 };
  }

  line(number: number): string | undefined {
    return this.#lines[number - 1]?.replace(/\r$/, '');
  }
}

/** An issue as people read it in a terminal: place, path, message, the line, a caret under the place, the remedy. */
export function formatIssue(issue: ConfigIssue, source: SourceText | undefined): string {
  const path = issue.path === '' ? '' : `${issue.path}: `;
  const lines = [`${issue.file}:${issue.line}:${issue.column}: ${path}${issue.message}`];
  const text = source?.line(issue.line);
  if (text !== undefined) {
    const gutter = String(issue.line);
    const pad = text.slice(0, issue.column - 1).replace(/[^\t]/g, ' ');
    lines.push(`  ${gutter} | ${withoutSecrets(text)}`, `  ${' '.repeat(gutter.length)} | ${pad}^`);
  }
  if (issue.suggestion !== undefined && !issue.message.startsWith(issue.suggestion)) {
    lines.push(`  ${issue.suggestion}`);
  }
  return lines.join('\n');
}

/** A line of the file without passwords in URLs and the admin token, as long as before: the caret stands under it. */
function withoutSecrets(line: string): string {
  const hide = (_: string, before: string, secret: string) => before + '*'.repeat(secret.length);
  return line.replace(/(:\/\/)([^\s/?#]+)(?=@)/g, hide).replace(/(\btoken:\s*)(?![\s"']*\$\{)([^\s,}#][^,}#]*)/g, hide);
}

/** The policy file can not be taken. Holds everything that is wrong with it, in the file's order. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config-invalid';
  readonly errors: readonly ConfigIssue[];
  readonly #source: SourceText | undefined;

  constructor(errors: readonly ConfigIssue[], source?: SourceText, cause?: unknown) {
    const first = errors[0];
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    const where = first === undefined ? '' : `${first.file}:${first.line}:${first.column}: `;
    const path = first === undefined || first.path === '' ? '' : `${first.path}: `;
    super(`${where}${path}${first?.message ?? 'invalid'}${more}`, cause === undefined ? undefined : { cause });
    this.errors = errors;
    this.#source = source;
  }

  /** All errors for a terminal. */
  format(): string {
    return this.errors.map((issue) => formatIssue(issue, this.#source)).join('\n\n');
  }
}

/** Gathers issues, at most one for each path: what follows from a first mistake is not said again. */
export class Issues {
  readonly source: SourceText;
  readonly #found = new Map<string, ConfigIssue & { readonly offset: number }>();

  constructor(source: SourceText) {
    this.source = source;
  }

  add(offset: number | undefined, path: readonly PathStep[], message: string, suggestion?: string): void {
    const text = pathText(path);
    // Of the file as a whole, such as its YAML, several things may be wrong.
    const key = text === '' ? `@${offset}` : text;
    if (this.#found.has(key)) return;
    const at = offset ?? 0;
    const { line, column } = this.source.position(at);
    this.#found.set(key, { file: this.source.file, line, column, path: text, message, suggestion, offset: at });
  }

  /** Whether something was already said about this path. */
  has(path: readonly PathStep[]): boolean {
    return this.#found.has(pathText(path));
  }

  get size(): number {
    return this.#found.size;
  }

  /** All of them, in the file's order. */
  sorted(): readonly ConfigIssue[] {
    const found = [...this.#found.values()].sort((a, b) => a.offset - b.offset);
    return found.map(({ offset: _, ...issue }) => issue);
  }
}
