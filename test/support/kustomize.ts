/** Resolves as much of kustomize as deploy/kubernetes uses, and refuses the rest; kubectl is not everywhere. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export interface Tree {
  readonly [key: string]: Json;
}
export type Json = string | number | boolean | null | readonly Json[] | Tree;

export interface Manifest extends Tree {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Tree & { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

interface Kustomization {
  readonly apiVersion: string;
  readonly kind: string;
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly patches?: readonly {
    readonly path: string;
    readonly target: { readonly kind: string; readonly labelSelector: string };
  }[];
  readonly configMapGenerator?: readonly {
    readonly name: string;
    readonly files: readonly string[];
    readonly options: { readonly disableNameSuffixHash: true };
  }[];
}

const KEYS = ['apiVersion', 'kind', 'resources', 'components', 'patches', 'configMapGenerator'];

/** What `kubectl kustomize FOLDER` prints, as objects. */
export function kustomize(folder: string): Manifest[] {
  const { configMapGenerator = [], ...rest } = kustomizationIn(folder);
  const configMaps = configMapGenerator.map(({ name, files, options }): Manifest => {
    assert(options.disableNameSuffixHash);
    const data = Object.fromEntries(files.map((file) => [file, readFileSync(path.join(folder, file), 'utf8')]));
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
  });
  return withComponents(folder, rest, configMaps);
}

function withComponents(folder: string, file: Kustomization, before: readonly Manifest[]): Manifest[] {
  let manifests = [...before, ...(file.resources ?? []).flatMap((name) => documentsIn(path.join(folder, name)))];
  for (const component of file.components ?? []) {
    const inner = path.join(folder, component);
    const read = kustomizationIn(inner);
    assert.equal(read.kind, 'Component');
    manifests = withComponents(inner, read, manifests);
  }
  for (const { path: name, target } of file.patches ?? []) {
    const [patch] = documentsIn(path.join(folder, name));
    const [label, value] = target.labelSelector.split('=');
    manifests = manifests.map((manifest) => {
      const isMeant = manifest.kind === target.kind && manifest.metadata.labels?.[label!] === value;
      // A patch with a target has a name only because every object has.
      return isMeant
        ? ({ ...(merge(manifest, patch!) as Manifest), metadata: manifest.metadata } satisfies Manifest)
        : manifest;
    });
  }
  return manifests;
}

function kustomizationIn(folder: string): Kustomization {
  const file = parse(readFileSync(path.join(folder, 'kustomization.yaml'), 'utf8')) as Kustomization;
  const others = Object.keys(file).filter((key) => !KEYS.includes(key));
  assert.deepEqual(others, [], `${folder}: keys that test/support/kustomize.ts does not know`);
  return file;
}

function documentsIn(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    assert.deepEqual(document.errors, [], file);
    return document.toJS() as Manifest;
  });
}

/** A strategic merge: maps key by key, lists of things with names by name, everything else replaced. */
function merge(base: Json | undefined, patch: Json): Json {
  if (isTree(base) && isTree(patch)) {
    const merged: Record<string, Json> = { ...base };
    for (const [key, value] of Object.entries(patch)) merged[key] = merge(base[key], value);
    return merged;
  }
  if (isNamed(base) && isNamed(patch)) {
    const rest = base.filter(({ name }) => !patch.some((other) => other.name === name));
    return [...patch.map((one) => merge(base.find(({ name }) => name === one.name) ?? {}, one)), ...rest];
  }
  return patch;
}

function isTree(value: Json | undefined): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamed(value: Json | undefined): value is readonly Tree[] {
  return Array.isArray(value) && value.every((one: Json) => isTree(one) && 'name' in one);
}
