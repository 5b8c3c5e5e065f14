/** Hides values of the log by their names; which ones may change while the process runs. */
export class Redaction {
  #names: ReadonlySet<string> = new Set();

  /** @param names in any case */
  constructor(names: readonly string[]) {
    this.use(names);
  }

  /** From the next line on these names are hidden. */
  use(names: readonly string[]): void {
    this.#names = new Set(names.map((name) => name.toLowerCase()));
  }

  /** A line as it may be written; itself where nothing of it is to be hidden. Errors are left to their serializer. */
  readonly ofLine = (line: Record<string, unknown>): Record<string, unknown> =>
    this.#names.size === 0 ? line : this.#hide(line, DEPTH);

  /** The same for what the serializer of errors has made of one: it stands one level down in its line. */
  ofField(value: Record<string, unknown>): Record<string, unknown> {
    return this.#names.size === 0 ? value : this.#hide(value, DEPTH - 1);
  }

  #hide<T extends object>(from: T, depth: number): T {
    let copy: Record<string, unknown> | undefined;
    for (const [name, value] of Object.entries(from) as [string, unknown][]) {
      const shown = this.#names.has(name.toLowerCase()) ? HIDDEN : this.#inside(value, depth - 1);
      if (shown === value) continue;
      copy ??= (Array.isArray(from) ? [...(from as unknown[])] : { ...from }) as Record<string, unknown>;
      copy[name] = shown;
    }
    return (copy as T | undefined) ?? from;
  }

  #inside(value: unknown, depth: number): unknown {
    return depth > 0 && isWalked(value) ? this.#hide(value, depth) : value;
  }
}

/** How deep in a line names are looked at: lines of ours are no deeper. */
const DEPTH = 3;

/** Stands for what is hidden. */
const HIDDEN = '***';

/** Objects of any kind: some that bear headers have no prototype, or a class of their own. Errors have their serializer. */
function isWalked(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Error);
}
