import { METHODS } from 'node:http';
import type { Unit } from '../policies/rules/option-types.js';
import { parseAddress, parseOrigin } from './addresses.js';
import { allowedText, foundText, remedy } from './describe.js';
import type { Issues } from './issues.js';
import { nearest } from './nearest.js';
import type { ConfigNode, MapNode, PathStep, ScalarNode } from './nodes.js';
import { propertySchema, schemaFor, type SchemaNode } from './schema-node.js';

type Finding = { readonly message: string; readonly suggestion?: string | undefined } | undefined;

/** Headers that frame a message: whoever sends it sets them, and a file must not. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Checks what a pattern can not say: addresses, origins, hosts, paths, methods, ranges, headers. */
export function checkValues(node: ConfigNode, schema: SchemaNode, path: readonly PathStep[], issues: Issues): void {
  const own = schemaFor(schema, node);
  if (own === undefined) return;
  switch (node.kind) {
    case 'scalar': {
      if (own.unit === undefined || typeof node.value !== 'string' || issues.has(path)) return;
      const finding = checkRemoval(node.value, path) ?? checkScalar(own.unit, node.value, node);
      if (finding !== undefined) issues.add(node.offset, path, finding.message, finding.suggestion);
      return;
    }
    case 'list':
      for (const [index, item] of node.items.entries()) {
        if (own.items !== undefined) checkValues(item, own.items, [...path, index], issues);
      }
      return;
    case 'map':
      if (own.keyUnit === 'header-name') checkHeaders(node, path, issues);
      for (const entry of node.entries) {
        const property = propertySchema(own, entry.key);
        if (property !== undefined) checkValues(entry.value, property, [...path, entry.key], issues);
      }
  }
}

function checkHeaders(node: MapNode, path: readonly PathStep[], issues: Issues): void {
  const seen = new Set<string>();
  for (const { key, keyOffset, value } of node.entries) {
    if (seen.has(key))
      issues.add(keyOffset, [...path, key], `the header '${key}' is given twice`, 'remove one of the two');
    seen.add(key);
    const isMatch = path.at(-2) === 'match';
    if (FRAMING.has(key) && !isMatch) {
      issues.add(keyOffset, [...path, key], `'${key}' belongs to the connection and can not be set`, 'leave it out');
    }
    if (key === 'host' && !isMatch && !isHost(value)) {
      const message = `found ${foundText(value)}, which is no host`;
      issues.add(value.offset, [...path, key], message, 'write a name or an address, with a port if need be');
    }
  }
}

/** Whether a request may name it in its Host header. */
function isHost(node: ConfigNode): boolean {
  return node.kind !== 'scalar' || 'origin' in parseOrigin(`http://${node.value}`);
}

/** An item of requestHeaders.remove or responseHeaders.remove. */
function checkRemoval(name: string, path: readonly PathStep[]): Finding {
  if (path.at(-2) !== 'remove' || !FRAMING.has(name.toLowerCase())) return undefined;
  return { message: `'${name}' belongs to the connection and can not be removed`, suggestion: 'leave it out' };
}

function checkScalar(unit: Unit, value: string, node: ScalarNode): Finding {
  const wrong = (detail?: string): Finding => ({
    message: `found ${foundText(node)}${detail === undefined ? '' : `, which ${detail}`}; allowed: ${allowedText({ unit })}`,
    suggestion: remedy({ unit }, node),
  });
  switch (unit) {
    case 'address':
      return parseAddress(value) === undefined ? wrong() : undefined;
    case 'origin': {
      const parsed = parseOrigin(value);
      return 'problem' in parsed ? hideUserInfo(wrong(parsed.problem), value) : undefined;
    }
    case 'url':
      return hideUserInfo(checkUrl(value, wrong), value);
    case 'host-pattern':
      return checkHost(value, node, wrong);
    case 'path-pattern':
      return checkPath(value.endsWith('/*') ? value.slice(0, -1) : value, true, wrong);
    case 'path':
      return checkPath(value.replace(/\?.*$/s, ''), false, wrong);
    case 'path-prefix':
      return checkPath(value, false, wrong);
    case 'method':
      return checkMethod(value, node);
    case 'status-range': {
      const [low, high = low] = value.split('-').map(Number);
      return Number(low) > Number(high) ? wrong('ends before it starts') : undefined;
    }
    default:
      return undefined;
  }
}

/** A password in a URL is not repeated in the message. */
function hideUserInfo(finding: Finding, value: string): Finding {
  const at = /^[^/]*:\/\/([^/?#]*@)/.exec(value)?.[1];
  return finding === undefined || at === undefined
    ? finding
    : { ...finding, message: finding.message.replace(at, '***@') };
}

function checkUrl(value: string, wrong: (detail?: string) => Finding): Finding {
  if (!URL.canParse(value)) return wrong();
  const { username, password, search, hash } = new URL(value);
  if (search !== '' || hash !== '') return wrong('bears a query or fragment');
  const finding = username === '' && password === '' ? undefined : wrong('bears a user');
  return finding === undefined
    ? undefined
    : { ...finding, suggestion: 'write headers: { authorization: … } beside it' };
}

function checkHost(value: string, node: ScalarNode, wrong: (detail?: string) => Finding): Finding {
  const name = value.startsWith('*.') ? value.slice(2) : value;
  if (/^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(name)) return undefined;
  if (/^\[[0-9A-Fa-f:.]+\]$/.test(value)) return undefined;
  if (value === '*')
    return { message: "found '*'; allowed: a host, exact or *.suffix", suggestion: 'leave host out to match any' };
  const bare = value.replace(/:\d+$/, '');
  const finding = wrong(bare === value ? undefined : 'bears a port');
  const shown = finding === undefined || bare === value || node.template !== undefined;
  return shown ? finding : { ...finding, suggestion: `write ${bare}` };
}

function checkPath(value: string, pattern: boolean, wrong: (detail?: string) => Finding): Finding {
  if (!/^\/[\u0021-\u007e]*$/.test(value)) return wrong();
  if (pattern && value.includes('*')) return wrong('has a * elsewhere than at its end, after a /');
  if (/[?#]/.test(value)) return wrong('bears a query or fragment');
  const dots = value.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
  return dots ? wrong('has dot segments') : undefined;
}

function checkMethod(value: string, node: ScalarNode): Finding {
  if (METHODS.includes(value)) return undefined;
  const near = node.template === undefined ? nearest(value, METHODS) : undefined;
  const message = `found ${foundText(node)}; allowed: a method that HTTP knows, such as GET or POST`;
  return near === undefined ? { message } : { message, suggestion: `did you mean '${near}'?` };
}
