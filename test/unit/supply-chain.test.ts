/** What is shipped is what was chosen: nothing comes from elsewhere, is swapped on the way, or runs when it is installed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { projectRoot } from '../support/project-root.js';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface Lockfile {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** The most packages, with those that they bring along, that a release may consist of; raised on purpose only. */
const MAX_SHIPPED = 70;

const read = (file: string) => readFileSync(projectRoot + file, 'utf8');
const lockfile = JSON.parse(read('package-lock.json')) as Lockfile;
const manifest = JSON.parse(read('package.json')) as LockedPackage & { readonly scripts: Record<string, string> };
const locked = Object.entries(lockfile.packages).filter(([path]) => path !== '');

describe('package-lock.json', () => {
  it('pins every package by its SHA-512', () => {
    assert.ok(locked.length > 0);
    for (const [path, { version, integrity }] of locked) {
      assert.match(version ?? '', /^\d+\.\d+\.\d+/, path);
      // 64 bytes in base64.
      assert.match(integrity ?? '', /^sha512-[A-Za-z0-9+/]{86}==$/, path);
    }
  });

  it('takes packages from the npm registry and nowhere else', () => {
    for (const [path, { resolved, link }] of locked) {
      assert.equal(link, undefined, path);
      // npm leaves it out for the registry, if it is told to.
      if (resolved !== undefined) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path);
    }
    for (const [name, range] of [
      ...Object.entries(manifest.dependencies ?? {}),
      ...Object.entries(manifest.devDependencies ?? {}),
    ]) {
      assert.match(range, /^[\^~]?\d+\.\d+\.\d+$/, `${name}: a version, and no address`);
    }
  });

  it('is that of package.json', () => {
    const root = lockfile.packages[''];
    assert.equal(lockfile.lockfileVersion, 3);
    assert.deepEqual(root?.dependencies, manifest.dependencies);
    assert.deepEqual(root?.devDependencies, manifest.devDependencies);
  });

  it('ships few packages, and none that runs a script when it is installed', () => {
    const shipped = locked.filter(([, { dev }]) => dev !== true);
    assert.ok(shipped.length <= MAX_SHIPPED, `${shipped.length} packages`);
    assert.deepEqual(
      shipped.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path),
      [],
    );
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) assert.ok(!(script in manifest.scripts));
  });
});

interface Step {
  readonly run?: string;
}

interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, { readonly permissions?: Record<string, string>; readonly steps: Step[] }>>;
}

describe('the workflows', () => {
  const workflow = (file: string) => parse(read(`.github/workflows/${file}`)) as Workflow;
  const commands = (file: string) =>
    Object.values(workflow(file).jobs).flatMap(({ steps }) => steps.map(({ run }) => run));

  it('may read and no more, but for what publishes', () => {
    for (const file of ['ci.yml', 'release.yml']) assert.deepEqual(workflow(file).permissions, { contents: 'read' });
    for (const { permissions } of Object.values(workflow('ci.yml').jobs)) assert.equal(permissions, undefined);
  });

  it('audit what is shipped, and the signatures of what is installed', () => {
    for (const file of ['ci.yml', 'release.yml']) {
      assert.ok(commands(file).includes('npm audit --omit=dev'), file);
      assert.ok(commands(file).includes('npm audit signatures'), file);
    }
  });

  it('publish with provenance, after the whole check, with a bill of materials', () => {
    const steps = commands('release.yml');
    const at = (pattern: RegExp) => steps.findIndex((run) => pattern.test(run ?? ''));
    assert.ok(at(/^bash \.ci\/run$/) >= 0);
    assert.ok(at(/^npm publish --provenance\b/) > at(/^bash \.ci\/run$/));
    assert.match(steps[at(/^npm sbom /)] ?? '', /--omit=dev --sbom-format=cyclonedx/);
    assert.equal(workflow('release.yml').jobs.publish?.permissions?.['id-token'], 'write');
  });
});
