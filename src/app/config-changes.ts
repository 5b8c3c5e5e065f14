import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.js';
import { entryOf, type MapNode, merge, nodeAt } from '../config/nodes.js';
import type { NameChanges, PolicyChanges } from '../observability/reload-report.js';

/** What takes effect only at the start: the listening servers and the process's own bounds are made then. */
const AT_START = ['listen', 'admin.listen', 'limits'] as const;

/** A configuration that can be taken without a restart. */
export interface Takeable {
  readonly config: Config;
  /** Keys whose change needs a restart. */
  readonly restart: readonly string[];
}

/** The new configuration, but with what a running process can't change as it is in force. */
export function withoutRestart(inForce: Config, loaded: Config): Takeable {
  const { listen, limits, admin } = inForce;
  const same = {
    listen: isDeepStrictEqual(loaded.listen, listen),
    'admin.listen': isDeepStrictEqual(loaded.admin.listen, admin.listen),
    limits: isDeepStrictEqual(loaded.limits, limits),
  };
  const restart = AT_START.filter((key) => !same[key]);
  if (restart.length === 0) return { config: loaded, restart };
  const effective = merge(loaded.effective, atStart(inForce.effective));
  return {
    config: {
      ...loaded,
      listen,
      limits,
      admin: { ...loaded.admin, listen: admin.listen },
      effective: effective?.kind === 'map' ? effective : loaded.effective,
    },
    restart,
  };
}

/** The part of the file that needs a restart. */
function atStart(effective: MapNode): MapNode {
  const admin = nodeAt(effective, 'admin');
  const only = (node: MapNode, keys: readonly string[]): MapNode => ({
    ...node,
    entries: keys.map((key) => entryOf(node, key)).filter((entry) => entry !== undefined),
  });
  const { entries } = only(effective, ['listen', 'limits', 'admin']);
  return {
    ...effective,
    entries: entries.map((entry) =>
      entry.key === 'admin' && admin?.kind === 'map' ? { ...entry, value: only(admin, ['listen']) } : entry,
    ),
  };
}

/** What a configuration has that the one before had not, by name. */
export function changesBetween(before: Config, after: Config): PolicyChanges {
  const byName = (config: Config) => new Map(config.routes.map((route) => [route.name, route]));
  const routes = namesChanged(byName(before), byName(after));
  const settings = (['admin', 'log', 'tracing', 'drainTimeoutMs', 'drainDelayMs', 'reload'] as const)
    .filter((key) => !isDeepStrictEqual(before[key], after[key]))
    .map((key) => key.replace(/Ms$/, ''));
  return {
    routes,
    upstreams: namesChanged(before.upstreams, after.upstreams),
    settings: isReordered(before, after) ? [...settings, 'order of routes'] : settings,
  };
}

/** Whether nothing is different. */
export function isNothing({ routes, upstreams, settings }: PolicyChanges): boolean {
  const names = [routes, upstreams].flatMap(({ added, removed, changed }) => [...added, ...removed, ...changed]);
  return names.length === 0 && settings.length === 0;
}

function namesChanged(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): NameChanges {
  const names = [...after.keys()];
  return {
    added: names.filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: names.filter((name) => before.has(name) && !isDeepStrictEqual(before.get(name), after.get(name))),
  };
}

/** The first route that matches wins: the order of those that stay says something. */
function isReordered(before: Config, after: Config): boolean {
  const [had, has] = [before, after].map((config) => config.routes.map(({ name }) => name)) as [string[], string[]];
  const [first, second] = [new Set(had), new Set(has)];
  return !isDeepStrictEqual(
    had.filter((name) => second.has(name)),
    has.filter((name) => first.has(name)),
  );
}
