import path from 'node:path';
import ts from 'typescript';
import type { Manifest } from './kustomize.js';
import { projectRoot } from './project-root.js';

/** Where the type of a kind is; those of the Prometheus operator are in no package of its own, hence what is used of them. */
const TYPES: Readonly<Record<string, string>> = {
  'v1 ConfigMap': "import('kubernetes-types/core/v1').ConfigMap",
  'v1 Service': "import('kubernetes-types/core/v1').Service",
  'apps/v1 Deployment': "import('kubernetes-types/apps/v1').Deployment",
  'networking.k8s.io/v1 NetworkPolicy': "import('kubernetes-types/networking/v1').NetworkPolicy",
  'monitoring.coreos.com/v1 PodMonitor': `{
    apiVersion: string; kind: string; metadata: import('kubernetes-types/meta/v1').ObjectMeta;
    spec: {
      selector: import('kubernetes-types/meta/v1').LabelSelector;
      podMetricsEndpoints: {
        port: string; path: string; interval: string;
        relabelings: { sourceLabels?: string[]; targetLabel: string; replacement?: string }[];
      }[];
    };
  }`,
};

/** What the compiler finds wrong with objects, held against the types of Kubernetes: unknown keys, wrong types, what is missing. */
export function typeErrorsOf(manifests: readonly Manifest[]): string[] {
  const lines = manifests.map((manifest, i) => {
    const kind = `${manifest.apiVersion} ${manifest.kind}`;
    return `export const _${i}: ${TYPES[kind] ?? `'no type is known of ${kind}'`} = ${JSON.stringify(manifest)};`;
  });
  const file = path.join(projectRoot, 'manifests.ts');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const onDisk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...onDisk,
    getSourceFile: (name, version) =>
      name === file ? ts.createSourceFile(name, lines.join('\n'), version) : onDisk.getSourceFile(name, version),
    fileExists: (name) => name === file || onDisk.fileExists(name),
    readFile: (name) => (name === file ? lines.join('\n') : onDisk.readFile(name)),
  };
  const found = ts.getPreEmitDiagnostics(ts.createProgram([file], options, host));
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}
