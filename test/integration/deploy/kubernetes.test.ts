/** deploy/kubernetes is what Kubernetes takes, agrees with the image, and gives the sidecar what it needs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Probe } from 'kubernetes-types/core/v1.js';
import { parseAllDocuments } from 'yaml';
import { parseConfig } from '../../../src/config/load.js';
import { warnings } from '../../../src/config/warnings.js';
import { parseSize } from '../../../src/policies/rules/units.js';
import { typeErrorsOf } from '../../support/kubernetes-types.js';
import { kustomize, type Manifest } from '../../support/kustomize.js';
import { projectRoot } from '../../support/project-root.js';
import { startApp } from '../../support/running-app.js';

const folder = `${projectRoot}deploy/kubernetes/example`;
const manifests = kustomize(folder);
const ofKind = (kind: string): Manifest => manifests.find((one) => one.kind === kind) ?? assert.fail(`no ${kind}`);
/** That it is one, down to each key, is what the first test shows. */
const isDeployment = (manifest: Manifest): manifest is Manifest & Deployment => manifest.kind === 'Deployment';
const deployment = manifests.find(isDeployment) ?? assert.fail('no Deployment');
const pod = deployment.spec?.template.spec ?? assert.fail('no pod');
const sidecar = pod.initContainers?.find(({ name }) => name === 'outrigger') ?? assert.fail('no sidecar');
const [app] = pod.containers;

const dockerfile = readFileSync(`${projectRoot}Dockerfile`, 'utf8');
const policyFile = /^ENV OUTRIGGER_CONFIG=(.*)$/m.exec(dockerfile)![1]!;
const { data } = ofKind('ConfigMap') as Manifest & { readonly data: Readonly<Record<string, string>> };
const config = parseConfig(data[path.basename(policyFile)]!, policyFile, { env: {} });

// That of Debian is of 2021 and knows no components.
const { stdout: kubectlVersion } = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });
const hasKubectl = /Kustomize Version: v[5-9]/.test(kubectlVersion);

describe('deploy/kubernetes', () => {
  it('has objects that Kubernetes knows, down to each key', () => {
    assert.deepEqual(typeErrorsOf(manifests), []);
  });

  it('would be refused with a key or a type that is wrong', () => {
    const wrong = (from: string, to: string) => {
      const text = JSON.stringify(deployment);
      assert(text.includes(from), from);
      return typeErrorsOf([JSON.parse(text.replace(from, to)) as Manifest]);
    };
    assert.match(wrong('"restartPolicy"', '"restartPolicies"').join(), /restartPolicies/);
    assert.match(wrong('"containerPort":9901', '"containerPort":"9901"').join(), /string/);
  });

  it('is what kubectl makes of it', { skip: hasKubectl ? false : 'no kubectl with kustomize 5 is here' }, () => {
    const { stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
    const made = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
    const sorted = (all: readonly Manifest[]) => all.toSorted((a, b) => a.kind.localeCompare(b.kind));
    assert.deepEqual(sorted(made), sorted(manifests), stderr);
  });

  it('has a policy file without mistakes and without warnings', () => {
    assert.deepEqual(warnings(config), []);
  });

  it('runs the sidecar as one: before the app, after it, and again when it ends', () => {
    assert.equal(sidecar.restartPolicy, 'Always');
    assert.equal(pod.initContainers?.[0], sidecar);
    assert.equal(sidecar.lifecycle, undefined);
  });

  it('mounts the whole folder that the image reads, under a name that stays', () => {
    const mount = sidecar.volumeMounts?.find(({ mountPath }) => mountPath === path.dirname(policyFile));
    assert.deepEqual([mount?.readOnly, mount?.subPath], [true, undefined]);
    const volume = pod.volumes?.find(({ name }) => name === mount?.name);
    assert.deepEqual(
      [volume?.configMap?.name, volume?.configMap?.items],
      [ofKind('ConfigMap').metadata.name, undefined],
    );
    assert(path.basename(policyFile) in data);
  });

  it('takes the user, the ports and the version from the image and the policy file', () => {
    const { version } = JSON.parse(readFileSync(`${projectRoot}package.json`, 'utf8')) as { version: string };
    assert(sidecar.image?.endsWith(`/outrigger:${version}`));
    const { runAsUser, runAsGroup } = sidecar.securityContext ?? {};
    assert.equal(`${runAsUser}:${runAsGroup}`, /^USER (.*)$/m.exec(dockerfile)![1]);
    const exposed = /^EXPOSE (.*)$/m.exec(dockerfile)![1]!.split(' ');
    const adminPort = String(sidecar.ports?.[0]?.containerPort);
    assert(exposed.includes(adminPort));
    const env = new Map(sidecar.env?.map(({ name, value }) => [name, value]));
    assert.equal(env.get('OUTRIGGER_ADMIN_LISTEN'), `0.0.0.0:${adminPort}`);
    const [listen] = config.listen;
    assert(listen?.kind === 'tcp' && exposed.includes(String(listen.port)));
    const urls = app?.env?.flatMap(({ value }) => (value?.startsWith('http') === true ? [new URL(value)] : []));
    assert(urls !== undefined && urls.length > 0);
    for (const url of urls) assert.equal(url.host, `${listen.host}:${listen.port}`);
  });

  it('asks, by probes and PodMonitor, for what the admin address has', async (t) => {
    const running = await startApp(
      t,
      'upstreams: { a: { url: "http://127.0.0.1:1" } }\nroutes: [{ name: a, match: {}, upstream: a }]',
    );
    const [port] = sidecar.ports ?? [];
    const probes = {
      startup: sidecar.startupProbe,
      readiness: sidecar.readinessProbe,
      liveness: sidecar.livenessProbe,
    };
    const pathOf = (probe: Probe | undefined) => {
      assert.equal(probe?.httpGet?.port, port?.name);
      return probe?.httpGet?.path;
    };
    const paths = [probes.startup, probes.readiness, probes.liveness].map(pathOf);
    assert.deepEqual(paths, ['/readyz', '/readyz', '/healthz']);
    const { spec } = ofKind('PodMonitor') as Manifest & {
      readonly spec: {
        readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
        readonly podMetricsEndpoints: readonly { readonly port: string; readonly path: string }[];
      };
    };
    const [metrics] = spec.podMetricsEndpoints;
    assert.equal(metrics?.port, port?.name);
    for (const each of [...paths, metrics?.path]) assert.equal((await fetch(running.admin + each!)).status, 200, each);
    const labels = deployment.spec?.template.metadata?.labels ?? {};
    for (const [label, value] of Object.entries(spec.selector.matchLabels)) assert.equal(labels[label], value);
  });

  it('leaves time for the app to stop, and for a whole drain', () => {
    const preStop = app?.lifecycle?.preStop?.sleep?.seconds ?? 0;
    assert(pod.terminationGracePeriodSeconds! > preStop + config.drainTimeoutMs / 1_000);
  });

  it('may hold what the policy file lets it keep, on top of what it needs under load', () => {
    const { memory } = sidecar.resources?.limits ?? {};
    const bytes = parseSize(`${memory}B`);
    // README, 'What it costs': 126 MB at most while large answers pass.
    assert(bytes > 126e6 + config.limits.replayMemoryBytes + config.limits.staleMemoryBytes);
    assert.equal(sidecar.resources?.limits?.cpu, undefined);
    assert(sidecar.resources?.requests?.cpu !== undefined && sidecar.resources.requests.memory !== undefined);
  });

  it('gives the sidecar no rights', () => {
    const { runAsUser: _, runAsGroup: __, ...rights } = sidecar.securityContext ?? {};
    assert.deepEqual(rights, {
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });
});
