/** The reference of the policy file for people: every key in tables, made of the schema that validates. */
import type { Unit } from '../policies/rules/option-types.js';
import { allowedText } from './describe.js';
import { needsValue } from './fill.js';
import { ConfigFileSchema, RouteSchema, UpstreamSchema } from './schema.js';
import type { SchemaNode } from './schema-node.js';

interface Row {
  readonly key: string;
  readonly type: string;
  readonly byDefault: string;
  readonly description: string;
}

/** One table: keys that belong together, such as a policy's. */
interface Group {
  readonly key: string;
  readonly schema: SchemaNode;
  readonly required: boolean;
}

/** What a type is called in a table; the table of units says what it takes. */
const UNIT_NAMES: Readonly<Partial<Record<Unit, string>>> = {
  'positive-duration': 'duration above zero',
  'duration-or-off': 'duration or `off`',
  'duration-or-percentile': 'duration or percentile',
  'positive-size': 'size above zero',
  'header-value': 'header value',
  'header-name': 'header name',
  'status-range': 'status or range',
  'key-template': 'key template',
  'host-pattern': 'host',
  'path-pattern': 'path or prefix',
  'path-prefix': 'path',
};

/** The units that a reader may want explained. */
const EXPLAINED: readonly Unit[] = [
  'duration',
  'duration-or-percentile',
  'percentile',
  'size',
  'ratio',
  'address',
  'origin',
  'host-pattern',
  'path-pattern',
  'status-range',
  'key-template',
];

const INTRODUCTION = `# Every key of the policy file

Made of the schema by \`npm run reference\`; a test holds it to the code. \`outrigger schema --markdown\` prints it, \`outrigger schema\` the JSON Schema. [config/outrigger.yaml](../config/outrigger.yaml) shows all of it as one file, and [the pages beside this one](README.md) say how to choose numbers.

A policy can be turned off with \`false\`. What is under \`defaults.route\` and \`defaults.upstream\` is merged under each route and upstream: maps key by key, lists and values as a whole. Any value may be \`\${NAME}\`, \`\${NAME:-default}\` or \`\${file:PATH}\`.
`;

/** The whole page, in Markdown. */
export function referencePage(): string {
  const { upstreams, routes, defaults, ...process } = ConfigFileSchema.properties;
  return [
    INTRODUCTION,
    `## Types\n\n${unitTable()}`,
    section('The process', '', { properties: process, required: ConfigFileSchema.required }),
    `## Defaults\n\n${defaults.description} \`defaults.route\` takes the keys of a route but for name, match and upstream; \`defaults.upstream\` those of an upstream but for url and endpoints. None by default.\n`,
    section('Upstreams', `Under \`upstreams.NAME\`. ${upstreams.description ?? ''}`, UpstreamSchema),
    section('Routes', `Under each item of \`routes\`. ${routes.description ?? ''}`, RouteSchema),
  ].join('\n');
}

function unitTable(): string {
  const rows = EXPLAINED.map((unit) => [nameOf(unit), escape(allowedText({ unit }))]);
  return table(['type', 'what it is'], rows);
}

/** A part of the file: first its plain keys, then a table for each map in it. */
function section(title: string, about: string, schema: SchemaNode): string {
  const groups = Object.entries(schema.properties ?? {}).map(([key, property]): Group => {
    return { key, schema: property, required: schema.required?.includes(key) === true };
  });
  const plain = groups.filter(({ schema: own }) => optionsOf(own).properties === undefined && !hasItemMaps(own));
  const maps = groups.filter((group) => !plain.includes(group));
  const parts = [`## ${title}\n`];
  if (about !== '') parts.push(`${escape(about)}\n`);
  parts.push(rowTable(plain.flatMap((group) => rowsOf(group.key, group.schema, group.required))));
  for (const { key, schema: own, required } of maps) {
    parts.push(`### ${title}: ${key}\n\n${aboutGroup(own)}\n\n${rowTable(rowsOf(key, own, required))}`);
  }
  return parts.join('\n');
}

function aboutGroup(schema: SchemaNode): string {
  const description = escape(schema.description ?? optionsOf(schema).description ?? '');
  if (schema.default === false) return `${description} Off until set.`;
  return schema.orFalse === true ? `${description} On by default.` : description;
}

/** The rows of a key: one for a value, one for each key in a map, and for a list of maps also those of its items. */
function rowsOf(key: string, schema: SchemaNode, required: boolean): Row[] {
  const own = optionsOf(schema);
  if (own.properties !== undefined) {
    return Object.entries(own.properties).flatMap(([name, property]) =>
      rowsOf(`${key}.${name}`, property, own.required?.includes(name) === true),
    );
  }
  const row: Row = {
    key,
    type: typeText(own),
    byDefault: defaultText(schema, required),
    description: escape(schema.description ?? own.description ?? ''),
  };
  const { items, anyOf = [] } = own;
  // A value that may also be a map.
  const inMaps = anyOf.flatMap((branch) => (branch.properties === undefined ? [] : rowsOf(key, branch, false)));
  if (items === undefined || !hasItemMaps(own)) return [row, ...inMaps];
  const seen = new Map<string, Row>();
  for (const branch of items.anyOf ?? [items]) {
    for (const [name, property] of Object.entries(branch.properties ?? {})) {
      // What tells a branch has to be there only in that branch.
      const needed = branch.required?.includes(name) === true && items.byKey?.includes(name) !== true;
      for (const inner of rowsOf(`${key}[].${name}`, property, needed)) {
        seen.set(inner.key, inner);
      }
    }
  }
  return [row, ...seen.values()];
}

/** A policy's options, where it may also be false. */
function optionsOf(schema: SchemaNode): SchemaNode {
  return schema.orFalse === true ? (schema.anyOf?.[0] ?? schema) : schema;
}

function hasItemMaps(schema: SchemaNode): boolean {
  const { items } = optionsOf(schema);
  return items !== undefined && (items.anyOf ?? [items]).some(({ properties }) => properties !== undefined);
}

function typeText(schema: SchemaNode): string {
  const { items, patternProperties } = schema;
  if (items !== undefined) {
    if (items.byKey !== undefined) return `list of maps, each with one of ${items.byKey.map(code).join(', ')}`;
    return `list of: ${typeText(items)}`;
  }
  const [value] = Object.values(patternProperties ?? {});
  if (value !== undefined) return `map of ${nameOf(schema.keyUnit)} to ${typeText(value)}`;
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  if (schema.unit === 'class') return `class or status: ${(schema.allowed ?? []).map(code).join(', ')}`;
  if (schema.unit !== undefined) return nameOf(schema.unit);
  if (schema.anyOf !== undefined && schema.allowed === undefined) return schema.anyOf.map(typeText).join(', or a ');
  return escape(boundedText(schema));
}

/** No one has to know the bound that only keeps slips of the keyboard out. */
function boundedText(schema: SchemaNode): string {
  return allowedText(schema)
    .replace(/ to 1000000000$/, '')
    .replace(/^(?:a|an) /, '');
}

function nameOf(unit: Unit | undefined): string {
  return unit === undefined ? 'text' : (UNIT_NAMES[unit] ?? unit);
}

function defaultText(schema: SchemaNode, required: boolean): string {
  if (schema.default !== undefined) return valueText(schema.default);
  return required && needsValue(schema) ? 'required' : '–';
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return code(`[${value.join(', ')}]`);
  if (typeof value !== 'object' || value === null) return code(value);
  const entries = Object.entries(value).map(([key, one]) => `${key}: ${String(one)}`);
  return code(entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`);
}

function code(value: unknown): string {
  return `\`${String(value)}\``;
}

/** Plain text that Markdown must not take for a table's border, emphasis or a tag. */
function escape(text: string): string {
  return text.replaceAll(/[|*<]/g, '\\$&');
}

function rowTable(rows: readonly Row[]): string {
  return table(
    ['key', 'type', 'default', 'what it does'],
    rows.map(({ key, type, byDefault, description }) => [code(key), type, byDefault, description]),
  );
}

/** As Prettier would write it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return `${[line(head), rule, ...rows.map(line)].join('\n')}\n`;
}
