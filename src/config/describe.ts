/** The words of error messages: what is allowed, what was found, and what to write instead. */
import type { Unit } from '../policies/rules/option-types.js';
import { nearest } from './nearest.js';
import type { ConfigNode } from './nodes.js';
import { type SchemaNode, typeOf, typesOf } from './schema-node.js';

const UNIT_WORDS: Readonly<Record<Unit, string>> = {
  duration: 'a duration such as 250ms, 3s, 1m30s or 1h',
  'positive-duration': 'a duration above zero, such as 250ms, 3s, 1m30s or 1h',
  'duration-or-off': 'a duration such as 250ms or 3s, or off',
  'duration-or-percentile': 'a duration such as 250ms, or a percentile such as p95',
  percentile: 'a percentile such as p99',
  size: 'a size such as 512B, 64KiB or 2MB',
  'positive-size': 'a size above zero, such as 512B, 64KiB or 2MB',
  ratio: 'a ratio from 0, such as 0.5 or 50%',
  rate: 'calls in a time, such as 200/s, 30/m or 1/h',
  'count-comparison': 'a number, or a comparison such as "< 3"',
  'duration-comparison': 'a duration such as 250ms, or a comparison such as "< 1s"',
  'ratio-comparison': 'a share such as 99% or 0.99, or a comparison such as "> 99%"',
  text: 'text',
  name: 'a name of 1 to 100 characters other than -',
  'header-value': 'text without line breaks',
  class: 'a class',
  'status-range': 'a status or a range of them, such as 204 or 200-299',
  'header-name': 'a header name',
  method: 'a method in upper case, such as GET',
  'key-template': 'text with {endpoint}, {upstream}, {route} or {header:NAME} in it',
  address: 'an address: host:port, :port or unix:/path',
  'host-pattern': 'a host, exact or *.suffix, without port',
  origin: 'an origin: http://host:port or https://host:port',
  url: 'a URL such as http://host:4318',
  'path-pattern': 'a path that starts with /, exact or a prefix that ends in /*',
  path: 'a path that starts with /',
  'path-prefix': 'a path that starts with /, without a query',
  file: "a file's path",
};

/** What a schema allows. */
export function allowedText(schema: SchemaNode): string {
  if (schema.allowed !== undefined) return orList(schema.allowed);
  if (schema.byKey !== undefined) return `a map with exactly one of ${schema.byKey.join(', ')}`;
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(allowedText))].join(', or ');
  if (schema.unit !== undefined) return UNIT_WORDS[schema.unit];
  if (schema.enum !== undefined) return orList(schema.enum.map(String));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  switch (typesOf(schema)[0]) {
    case 'integer':
      return `a whole number${bounds(schema)}`;
    case 'number':
      return `a number${bounds(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
      return 'a map';
    default:
      return 'text';
  }
}

function bounds({ minimum, maximum }: SchemaNode): string {
  if (minimum === undefined) return '';
  return maximum === undefined ? ` from ${minimum}` : ` from ${minimum} to ${maximum}`;
}

function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** What was found. A value that came from a variable is named by it, never shown. */
export function foundText(node: ConfigNode): string {
  if (node.kind !== 'scalar') return node.kind === 'map' ? 'a map' : 'a list';
  if (node.template !== undefined) return `the value of ${shorten(node.template)} (${kindWord(node)})`;
  if (node.value === null) return 'nothing';
  return typeof node.value === 'string' ? `'${shorten(node.value)}'` : shorten(node.text);
}

/** A text of the file as a message names it. One that came from a variable is named by it, never shown. */
export function namedText(node: ConfigNode | undefined): string {
  if (node?.kind !== 'scalar') return 'this';
  return node.template === undefined ? `'${node.text}'` : `the value of ${shorten(node.template)}`;
}

function kindWord(node: ConfigNode): string {
  const type = typeOf(node);
  if (node.kind === 'scalar' && node.value === '') return 'empty';
  return type === 'string' ? 'text' : type === 'null' ? 'empty' : `a ${type}`;
}

function shorten(text: string): string {
  const plain = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return plain.length > 60 ? `${plain.slice(0, 57)}...` : plain;
}

/** What to write instead, if that can be guessed. */
export function remedy(schema: SchemaNode, node: ConfigNode): string | undefined {
  const first = schema.allowed === undefined ? schema.anyOf?.[0] : undefined;
  if (first !== undefined) return remedy(first, node);
  const types = typesOf(schema);
  if (node.kind === 'map') {
    return schema.unit === 'key-template' ? 'put quotes around it: "{…}"' : undefined;
  }
  if (node.kind === 'list' || node.template !== undefined) return undefined;
  const { text, value } = node;
  if (value === null) {
    if (schema.explicit === true) return 'write {} to match every call';
    if (types.includes('object')) return 'write {} or leave the key out';
    return 'give a value or leave the key out';
  }
  if (types[0] === 'array') return `write [${text}]`;
  const written = unitRemedy(schema.unit, text, value) ?? typeRemedy(schema, types, text);
  return written === undefined || written === text ? undefined : `write ${written}`;
}

function typeRemedy(schema: SchemaNode, types: readonly string[], text: string): string | undefined {
  const words = schema.enum ?? schema.allowed;
  if (words !== undefined) return nearest(text, words.map(String));
  if ((types[0] === 'integer' || types[0] === 'number') && /^-?\d+(?:\.\d+)?$/.test(text)) {
    const fits = Number(text) >= (schema.minimum ?? -Infinity) && Number(text) <= (schema.maximum ?? Infinity);
    return fits && (types[0] === 'number' || Number.isInteger(Number(text))) ? `${text} without quotes` : undefined;
  }
  if (types[0] === 'boolean') {
    if (/^(?:yes|on|y|true|1)$/i.test(text)) return 'true';
    if (/^(?:no|off|n|false|0)$/i.test(text)) return 'false';
  }
  return undefined;
}

function unitRemedy(unit: Unit | undefined, text: string, value: unknown): string | undefined {
  switch (unit) {
    case 'duration':
    case 'positive-duration':
    case 'duration-or-off':
    case 'duration-or-percentile':
      return durationRemedy(text, unit === 'duration-or-off' && value === false);
    case 'percentile':
      return /^\d\d?(?:\.\d{1,3})?\s*%?$/.test(text) ? `p${Number(text.replace('%', ''))}` : undefined;
    case 'duration-comparison':
      return comparisonRemedy(text, (rest) => durationRemedy(rest, false));
    case 'ratio-comparison':
      return comparisonRemedy(text, (rest) => (/^\d+(?:\.\d+)?$/.test(rest) ? `${rest}%` : undefined));
    case 'rate':
      return rateRemedy(text);
    case 'size':
    case 'positive-size':
      return sizeRemedy(text);
    case 'ratio':
      if (typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(text)) return `${text} without quotes`;
      return /^\d+(?:\.\d+)?\s+%$/.test(text) ? text.replace(/\s+/, '') : undefined;
    case 'method':
      return /^[A-Za-z-]+$/.test(text) ? text.toUpperCase() : undefined;
    case 'address':
      return /^\d+$/.test(text) ? `':${text}'` : undefined;
    case 'origin':
    case 'url':
      return /^[\w.-]+(?::\d+)?$/.test(text) ? `http://${text} or https://${text}` : undefined;
    case 'path':
    case 'path-prefix':
    case 'path-pattern':
      return /^[\w*][\w/.*-]*$/.test(text) ? `/${text}` : undefined;
    case 'text':
    case 'name':
    case 'header-value':
      return typeof value === 'string' ? undefined : `'${text}'`;
    default:
      return undefined;
  }
}

const TIME_WORDS: readonly (readonly [RegExp, string, number])[] = [
  [/^(?:ms|msecs?|millis|milliseconds?)$/i, 'ms', 1],
  [/^(?:s|secs?|seconds?)$/i, 's', 1],
  [/^(?:m|mins?|minutes?)$/i, 'm', 1],
  [/^(?:h|hrs?|hours?)$/i, 'h', 1],
  [/^(?:d|days?)$/i, 'h', 24],
];

function durationRemedy(text: string, off: boolean): string | undefined {
  if (off) return 'off';
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text);
  if (match === null || Number(match[1]) === 0) return undefined;
  const [, amount = '', word = ''] = match;
  if (word === '') return `${amount}ms or ${amount}s`;
  const unit = TIME_WORDS.find(([pattern]) => pattern.test(word));
  return unit === undefined ? undefined : `${Number(amount) * unit[2]}${unit[1]}`;
}

function sizeRemedy(text: string): string | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B?|ytes?)$/i.exec(text);
  if (match === null) return undefined;
  const [, amount = '', prefix = ''] = match;
  return prefix === '' ? `${amount}B` : `${amount}${prefix.toUpperCase()}iB`;
}

function comparisonRemedy(text: string, remedyOf: (rest: string) => string | undefined): string | undefined {
  const [, operator = '', rest = ''] = /^\s*([<>]=?)?\s*(.*)$/.exec(text) ?? [];
  const instead = remedyOf(rest);
  if (instead === undefined || operator === '') return instead;
  return instead
    .split(' or ')
    .map((one) => `"${operator} ${one}"`)
    .join(' or ');
}

function rateRemedy(text: string): string | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(?:(?:\/|per|p)?\s*([smh]))?[a-z]*$/i.exec(text) ?? [];
  return amount === undefined ? undefined : `${amount}/${unit?.toLowerCase() ?? 's'}`;
}

/** A time as people say it: `250ms`, `27.3s`. */
export function durationText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}ms` : `${Number((ms / 1000).toFixed(1))}s`;
}
