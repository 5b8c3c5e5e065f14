/** What the documents say of the code must hold: their examples are read by the real loader, and their links lead somewhere. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.js';
import { ConfigFileSchema, RouteSchema, UpstreamSchema } from '../../src/config/schema.js';
import { warnings } from '../../src/config/warnings.js';
import { readSuite } from '../../src/policy-tests/read-suite.js';
import { runLocated } from '../../src/policy-tests/run-suite.js';
import { anchorsOf, blocksOf, markdownFiles, proseOf, readText } from '../support/markdown.js';
import { policyFile } from '../support/policy-file.js';
import { projectRoot } from '../support/project-root.js';
import { promtool, skipWithoutPromtool } from '../support/promtool.js';

const files = markdownFiles();
const blocks = (language: string) => files.flatMap((file) => blocksOf(file, language));

/** Whatever certificate a policy names: an authority's. */
const readFile = () => readFileSync(`${projectRoot}config/examples/tls/internal-ca.pem`);

const OUR_KEYS = new Set([ConfigFileSchema, RouteSchema, UpstreamSchema].flatMap((one) => Object.keys(one.properties)));

/** The keys at the top of a YAML text. */
function topKeys(text: string): string[] {
  const value: unknown = parse(text);
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}

/**
 * The policy file that a YAML block is or belongs to: ```yaml stands before a whole file, ```yaml route and
 * ```yaml upstream before some keys of one. Undefined for what is another program's.
 */
function policyIn({ note, text, at }: ReturnType<typeof blocksOf>[number]): string | undefined {
  if (note === 'route') return policyFile({ route: text });
  if (note === 'upstream') return policyFile({ upstream: text });
  assert.equal(note, '', `${at}: a block of YAML is marked route or upstream, or not at all`);
  const keys = topKeys(text);
  if (keys.includes('routes') && keys.includes('upstreams')) return text;
  const ours = keys.filter((key) => OUR_KEYS.has(key));
  assert.deepEqual(ours, [], `${at}: a part of a policy file is marked, as in \`\`\`yaml route`);
  return undefined;
}

describe('YAML in the documents', () => {
  for (const block of blocks('yaml')) {
    if (topKeys(block.text).includes('tests')) continue;
    it(`is another program's, or loads without a warning: ${block.at}`, () => {
      const policy = policyIn(block);
      if (policy === undefined) return;
      assert.deepEqual(warnings(parseConfig(policy, block.at, { env: {}, readFile })), []);
    });
  }
});

describe('policy tests in the documents', () => {
  for (const file of files) {
    let policy: string | undefined;
    for (const block of blocksOf(file, 'yaml')) {
      if (!topKeys(block.text).includes('tests')) {
        policy = policyIn(block) ?? policy;
        continue;
      }
      const about = policy;
      it(`hold for the policy file above them: ${block.at}`, () => {
        assert.deepEqual(failuresOf(block.text, about ?? assert.fail('no policy file stands above')), []);
      });
    }
  }
});

/** What does not hold of a file of policy tests, whatever it calls the policy file. */
function failuresOf(tests: string, policy: string): string[] {
  const texts = (name: string) =>
    name.endsWith('.pem') ? readFile() : Buffer.from(path.basename(name) === 'tests.yaml' ? tests : policy);
  const suite = readSuite('tests.yaml', { env: {}, readFile: texts });
  assert.ok(suite.tests.length > 0);
  return suite.tests.flatMap((test) =>
    runLocated(test, suite).findings.map(
      ({ key, expected, actual }) => `${test.test.name}: ${key}: expected ${expected}, got ${actual}`,
    ),
  );
}

describe('queries in the documents', () => {
  it('are understood by Prometheus', { skip: skipWithoutPromtool }, () => {
    const queries = blocks('promql').flatMap(({ text }) => queriesOf(text));
    assert.ok(queries.length >= 5, `only ${queries.length}`);
    const rules = { groups: [{ name: 'docs', rules: queries.map((expr, i) => ({ record: `query:${i}`, expr })) }] };
    const folder = mkdtempSync(path.join(tmpdir(), 'outrigger-docs-'));
    try {
      writeFileSync(path.join(folder, 'rules.yml'), stringify(rules));
      const { code, said } = promtool(['check', 'rules', path.join(folder, 'rules.yml')]);
      assert.equal(code, 0, said);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** The queries of a block: one a line, and what is indented goes on from the line before. Comments are none. */
function queriesOf(text: string): string[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  return lines
    .join('\n')
    .split(/\n(?![\s)])/)
    .map((query) => query.trim())
    .filter((query) => query !== '');
}

describe('the documents', () => {
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Readonly<Record<string, string>> };

  for (const file of files) {
    it(`link only to what exists: ${file}`, () => {
      const links = [...proseOf(file).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map((match) => match[1]!);
      assert.deepEqual(
        links.filter((link) => !leadsSomewhere(link, file)),
        [],
      );
    });

    it(`name only scripts that exist: ${file}`, () => {
      const named = [...readText(file).matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map((match) => match[1]!);
      assert.deepEqual(
        named.filter((name) => !(name in scripts)),
        [],
      );
    });
  }

  it('are all in the index', () => {
    const index = proseOf('docs/README.md');
    const pages = files.filter((file) => /^docs\/(?:migrate\/)?[\w-]+\.md$/.test(file) && file !== 'docs/README.md');
    assert.deepEqual(
      pages.filter((file) => !index.includes(`](${file.slice('docs/'.length)})`)),
      [],
    );
  });
});

function leadsSomewhere(link: string, from: string): boolean {
  const [target = '', anchor] = link.split('#', 2);
  const file = target === '' ? from : path.join(path.dirname(from), target);
  if (!existsSync(projectRoot + file)) return false;
  return anchor === undefined || anchorsOf(file).has(anchor);
}
