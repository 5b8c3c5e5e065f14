import { ConfigError, type ConfigIssue } from '../../src/config/issues.js';
import { type LoadOptions, parseConfig } from '../../src/config/load.js';
import type { Config, ResolvedRoute, ResolvedUpstream } from '../../src/config/config.js';

/** Parts of a small valid policy file, each a YAML text in one line or several without indentation. */
export interface Parts {
  readonly root?: string;
  readonly upstream?: string;
  readonly route?: string;
}

/** A policy file with one upstream `a` and one route `r`, and what `parts` add. */
export function policyFile({ root = '', upstream = '', route = '' }: Parts = {}): string {
  const indent = (text: string, by: number) => text.replace(/^(?=.)/gm, ' '.repeat(by));
  return [
    root,
    'upstreams:',
    '  a:',
    '    url: http://a.internal',
    indent(upstream, 4),
    'routes:',
    '  - name: r',
    '    match: {}',
    '    upstream: a',
    indent(route, 4),
  ]
    .filter((line) => line !== '')
    .join('\n')
    .concat('\n');
}

/** Reads a policy file's text, named policy.yaml. */
export function load(text: string, options: Partial<LoadOptions> = {}): Config {
  return parseConfig(text, 'policy.yaml', { env: {}, ...options });
}

/** What is wrong with a policy file's text; nothing if it is fine. */
export function errorsOf(text: string, options: Partial<LoadOptions> = {}): readonly ConfigIssue[] {
  try {
    load(text, options);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.errors;
    throw error;
  }
}

/** The only route of a small policy file. */
export function routeOf(parts: Parts, options?: Partial<LoadOptions>): ResolvedRoute {
  const [route] = load(policyFile(parts), options).routes;
  if (route === undefined) throw new Error('the file has no route');
  return route;
}

/** The upstream `a` of a small policy file. */
export function upstreamOf(parts: Parts, options?: Partial<LoadOptions>): ResolvedUpstream {
  const upstream = load(policyFile(parts), options).upstreams.get('a');
  if (upstream === undefined) throw new Error('the file has no upstream a');
  return upstream;
}
