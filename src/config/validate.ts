import { Ajv, type ErrorObject } from 'ajv';
import { allowedText, foundText, remedy } from './describe.js';
import type { Issues } from './issues.js';
import { nearest } from './nearest.js';
import { type ConfigNode, entryOf, nodeAt, type PathStep, toValue } from './nodes.js';
import { RouteSchema, UpstreamSchema } from './schema.js';
import { branchIndex, meantKey, propertySchema, type SchemaNode } from './schema-node.js';

/** Checks a file against its schema, and says at which place what is wrong. */
export class Validator {
  readonly #check;

  constructor(schema: SchemaNode) {
    // Not strict: the schema bears annotations of ours.
    // Optimizing the generated code takes longer than all the files it will ever check.
    const options = {
      allErrors: true,
      verbose: true,
      strict: false,
      logger: false,
      code: { optimize: false },
    } as const;
    this.#check = new Ajv(options).compile(schema);
  }

  validate(root: ConfigNode, issues: Issues): void {
    if (this.#check(toValue(root))) return;
    for (const error of relevant(this.#check.errors ?? [], root)) report(error, root, issues);
  }
}

/** The errors that concern the branch of each union that was meant; without the rest, one mistake would be told often. */
function relevant(errors: readonly ErrorObject[], root: ConfigNode): ErrorObject[] {
  const dropped = new Set<ErrorObject>();
  for (const union of errors) {
    if (union.keyword !== 'anyOf') continue;
    const node = nodeAt(root, ...stepsOf(union, root));
    const meant = node === undefined ? undefined : branchIndex(schemaOf(union), node);
    if (meant !== undefined) dropped.add(union);
    for (const error of errors) {
      const inUnion = error.schemaPath.startsWith(`${union.schemaPath}/`) && isUnder(error, union);
      if (inUnion && !error.schemaPath.startsWith(`${union.schemaPath}/${meant}/`)) dropped.add(error);
    }
  }
  // What is missing is told when defaults are filled in: the schema requires also what has a default.
  return errors.filter((error) => !dropped.has(error) && error.keyword !== 'required');
}

function isUnder(error: ErrorObject, union: ErrorObject): boolean {
  return error.instancePath === union.instancePath || error.instancePath.startsWith(`${union.instancePath}/`);
}

function schemaOf(error: ErrorObject): SchemaNode {
  const schema: unknown = error.parentSchema;
  return isSchema(schema) ? schema : {};
}

function isSchema(value: unknown): value is SchemaNode {
  return typeof value === 'object' && value !== null;
}

function stepsOf(error: ErrorObject, root: ConfigNode): PathStep[] {
  const steps: PathStep[] = [];
  for (const part of error.instancePath.split('/').slice(1)) {
    const text = part.replaceAll('~1', '/').replaceAll('~0', '~');
    steps.push(nodeAt(root, ...steps)?.kind === 'list' ? Number(text) : text);
  }
  return steps;
}

function report(error: ErrorObject, root: ConfigNode, issues: Issues): void {
  const path = stepsOf(error, root);
  const node = nodeAt(root, ...path);
  if (node === undefined) return;
  const schema = schemaOf(error);
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params.additionalProperty);
    issues.add(entryOf(node, key)?.keyOffset, [...path, key], ...unknownKey(schema, key));
    return;
  }
  if (schema.byKey !== undefined && node.kind === 'map') {
    const keys = node.entries.map((entry) => entry.key);
    const meant = keys.map((key) => nearest(key, schema.byKey ?? [])).find((key) => key !== undefined);
    const found = keys.length === 0 ? 'an empty map' : `a map with ${keys.join(', ')}`;
    const suggestion = meant === undefined || keys.includes(meant) ? undefined : `did you mean '${meant}'?`;
    issues.add(node.offset, path, `found ${found}; allowed: ${allowedText(schema)}`, suggestion);
    return;
  }
  if (error.keyword === 'minItems' || error.keyword === 'minProperties') {
    issues.add(node.offset, path, `found an empty ${node.kind}; at least one entry is needed`);
    return;
  }
  issues.add(node.offset, path, `found ${foundText(node)}; allowed: ${allowedText(schema)}`, remedy(schema, node));
}

function unknownKey(schema: SchemaNode, key: string): [message: string, suggestion?: string] {
  if (schema.keyUnit === 'header-name') return [`'${key}' is not a header name`];
  if (schema.keyUnit !== undefined)
    return [`'${key}' can not be a name; allowed: ${allowedText({ unit: schema.keyUnit })}`];
  const allowed = `allowed here: ${Object.keys(schema.properties ?? {}).join(', ')}`;
  const other = schema.place === 'route' ? 'upstream' : 'route';
  const otherSchema: SchemaNode = other === 'route' ? RouteSchema : UpstreamSchema;
  if (schema.place !== undefined && propertySchema(otherSchema, key) !== undefined) {
    return [
      `unknown key '${key}'; ${allowed}`,
      `'${key}' stands under ${other === 'route' ? 'a route' : 'an upstream'}`,
    ];
  }
  const meant = meantKey(schema, key);
  if (meant === undefined) return [`unknown key '${key}'; ${allowed}`];
  return [`did you mean '${meant}'? Unknown key; ${allowed}`, `did you mean '${meant}'?`];
}
