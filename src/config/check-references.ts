import { parseDuration } from '../policies/rules/units.js';
import { namedText } from './describe.js';
import type { Issues } from './issues.js';
import { nearest } from './nearest.js';
import {
  type ConfigNode,
  entriesAt,
  entryOf,
  itemsAt,
  type MapNode,
  nodeAt,
  ownPath,
  type PathStep,
  stringAt,
} from './nodes.js';

/** Checks what spans several keys of the file with defaults filled in: names, references and what goes together. */
export function checkReferences(root: MapNode, issues: Issues): void {
  const upstreams = entriesAt(root, 'upstreams').map(({ key }) => key);
  const names = new Set<string>();
  for (const [index, route] of itemsAt(root, 'routes').entries()) {
    const at: Place = { root: route, path: ['routes', index], issues };
    const name = stringAt(route, 'name');
    if (name !== undefined && names.has(name))
      say(at, ['name'], `another route is named ${namedText(nodeAt(route, 'name'))}; names must be unique`);
    if (name !== undefined) names.add(name);
    checkUpstreamName(at, ['upstream'], upstreams);
    checkBackoff(at);
    checkAttemptTimeout(at);
    checkFallback(at, upstreams);
    checkTemplate(at, ['rateLimit', 'key']);
  }
  for (const { key, value } of entriesAt(root, 'upstreams')) {
    const at: Place = { root: value, path: ['upstreams', key], issues };
    checkEndpoints(at);
    checkTemplate(at, ['concurrency', 'key']);
    checkTemplate(at, ['retryBudget', 'key']);
  }
  checkListeners(root, issues);
}

/** A route or an upstream, and where it stands. */
interface Place {
  readonly root: ConfigNode;
  readonly path: readonly PathStep[];
  readonly issues: Issues;
}

function say(at: Place, path: readonly PathStep[], message: string, suggestion?: string): void {
  const node = nodeAt(at.root, ...path) ?? at.root;
  const own = ownPath(node, [...at.path, ...path]);
  at.issues.add(node.offset ?? at.root.offset, own, message, suggestion);
}

function checkUpstreamName(at: Place, path: readonly PathStep[], upstreams: readonly string[]): void {
  const name = stringAt(at.root, ...path);
  if (name === undefined || upstreams.includes(name) || at.issues.has([...at.path, ...path])) return;
  const near = nearest(name, upstreams);
  const known = upstreams.length === 0 ? 'there are none' : `there are: ${upstreams.join(', ')}`;
  say(
    at,
    path,
    `no upstream is named ${namedText(nodeAt(at.root, ...path))}; ${known}`,
    near === undefined ? undefined : `did you mean '${near}'?`,
  );
}

function checkAttemptTimeout(at: Place): void {
  const timeout = nodeAt(at.root, 'attemptTimeout');
  const [min, max] = [stringAt(timeout, 'min'), stringAt(timeout, 'max')];
  const isTold = ['min', 'max'].some((key) => at.issues.has([...at.path, 'attemptTimeout', key]));
  if (min === undefined || max === undefined || isTold || parseDuration(min) <= parseDuration(max)) return;
  const key = nodeAt(timeout, 'min')?.offset === undefined ? 'max' : 'min';
  say(at, ['attemptTimeout', key], `min, ${min}, is longer than max, ${max}`, 'lower min, or raise max');
}

function checkBackoff(at: Place): void {
  const backoff = nodeAt(at.root, 'retry', 'backoff');
  const strategy = stringAt(backoff, 'strategy');
  if (stringAt(backoff, 'jitter') === 'decorrelated' && strategy !== undefined && strategy !== 'exponential') {
    const message = `jitter decorrelated goes with strategy exponential only; the strategy is ${strategy}`;
    say(at, ['retry', 'backoff', 'jitter'], message, 'write full or equal, or strategy: exponential');
  }
  if (strategy === 'sequence' && nodeAt(backoff, 'delays') === undefined) {
    say(
      at,
      ['retry', 'backoff', 'strategy'],
      'strategy sequence needs delays',
      'write delays: [100ms, 500ms, 2s] beside it',
    );
  }
}

function checkFallback(at: Place, upstreams: readonly string[]): void {
  for (const [index, step] of itemsAt(at.root, 'fallback', 'steps').entries()) {
    const path = ['fallback', 'steps', index];
    checkUpstreamName(at, [...path, 'upstream'], upstreams);
    const name = stringAt(step, 'upstream');
    if (name !== undefined && name === stringAt(at.root, 'upstream')) {
      const named = namedText(nodeAt(step, 'upstream'));
      say(at, [...path, 'upstream'], `${named} is the upstream that the route itself uses; a fallback needs another`);
    }
    const response = nodeAt(step, 'response');
    if (entryOf(response, 'body') !== undefined && entryOf(response, 'bodyFile') !== undefined) {
      say(at, [...path, 'response', 'bodyFile'], 'body and bodyFile exclude each other', 'remove one of the two');
    }
  }
}

/** Places, budgets and limits are taken before an endpoint is chosen. */
function checkTemplate(at: Place, path: readonly PathStep[]): void {
  if (stringAt(at.root, ...path)?.includes('{endpoint}') !== true) return;
  say(at, path, '{endpoint} is not known there yet; allowed: {upstream}, {route} and {header:NAME}');
}

function checkEndpoints(at: Place): void {
  const hasUrl = entryOf(at.root, 'url') !== undefined;
  const hasEndpoints = entryOf(at.root, 'endpoints') !== undefined;
  if (hasUrl && hasEndpoints) say(at, ['url'], 'url and endpoints exclude each other', 'remove one of the two');
  if (!hasUrl && !hasEndpoints && at.root.kind === 'map') {
    say(at, [], "'url' or 'endpoints' is missing", 'write url: http://host:port');
  }
  const seen = new Set<string>();
  for (const [index] of itemsAt(at.root, 'endpoints').entries()) {
    const url = stringAt(at.root, 'endpoints', index)?.toLowerCase().replace(/\/$/, '');
    if (url !== undefined && seen.has(url)) say(at, ['endpoints', index], 'this endpoint is given twice');
    if (url !== undefined) seen.add(url);
  }
}

function checkListeners(root: MapNode, issues: Issues): void {
  const seen = new Set<string>();
  const listen = nodeAt(root, 'listen');
  const all: [ConfigNode | undefined, PathStep[]][] =
    listen?.kind === 'list' ? listen.items.map((item, index) => [item, ['listen', index]]) : [[listen, ['listen']]];
  for (const [node, path] of [...all, [nodeAt(root, 'admin', 'listen'), ['admin', 'listen']] as const]) {
    if (node?.kind !== 'scalar' || typeof node.value !== 'string' || node.value.endsWith(':0')) continue;
    if (seen.has(node.value))
      issues.add(node.offset ?? listen?.offset, path, `${namedText(node)} is listened on already`);
    seen.add(node.value);
  }
}
