import type { Config } from './config.js';
import type { Issues } from './issues.js';
import { nodeAt, type PathStep } from './nodes.js';

/** Says something about a route, at its place in the file. */
export class RouteAt {
  readonly #config: Config;
  readonly #index: number;
  readonly #issues: Issues;

  constructor(config: Config, index: number, issues: Issues) {
    this.#config = config;
    this.#index = index;
    this.#issues = issues;
  }

  /** `keys` is what it is about, the most telling first; the first that the file has is the place. */
  say(keys: readonly (readonly PathStep[])[], message: string, suggestion: string): void {
    const route = nodeAt(this.#config.effective, 'routes', this.#index);
    const written = keys.find((path) => nodeAt(route, ...path)?.offset !== undefined);
    const path = ['routes', this.#index, ...(written ?? keys[0] ?? [])];
    // Several routes may share the default that this is about: the path tells them apart.
    const node = written === undefined ? route : nodeAt(route, ...written);
    this.#issues.add(node?.offset, path, message, suggestion);
  }
}
