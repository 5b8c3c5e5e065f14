/** Whoever copies a metric's name or a label from the documents must find it on /metrics. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { blocksOf, markdownFiles, readText } from '../../support/markdown.js';
import { startApp } from '../../support/running-app.js';

/** Every policy on, so that the series of each exist. */
const EVERYTHING = `
tracing: { otlp: 'http://127.0.0.1:9' }
upstreams:
  a:
    endpoints: [http://127.0.0.1:9, http://127.0.0.1:19]
    healthCheck: { path: /healthz }
    rateLimit: {}
    circuitBreaker: { mode: shadow }
  b: { url: 'http://127.0.0.1:29', circuitBreaker: { openFor: 2s } }
routes:
  - name: all
    match: {}
    upstream: a
    attemptTimeout: {}
    hedge: {}
    rateLimit: { mode: shadow }
    fallback: { steps: [{ stale: {} }, { upstream: b }, { response: {} }] }
    faults: [{ percent: 0%, status: 503 }]
`;

/** The label names of each name that a sample or a family has. */
async function exposed(t: TestContext): Promise<Map<string, Set<string>>> {
  const app = await startApp(t, EVERYTHING);
  const names = new Map<string, Set<string>>();
  for (const line of (await app.metrics()).split('\n')) {
    const [, family] = /^# TYPE (\S+)/.exec(line) ?? [];
    if (family !== undefined) names.set(family, new Set());
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = names.get(name) ?? new Set();
    for (const [, label] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label!);
    names.set(name, known);
  }
  return names;
}

test('every metric that a document names is exposed', async (t) => {
  const names = await exposed(t);
  const strangers = markdownFiles().flatMap((file) =>
    // What has a colon is a recording rule's name.
    [...readText(file).matchAll(/(?<![\w:])outrigger_[a-z][a-z_]*(?![\w:])/g)]
      .filter(([name]) => !names.has(name))
      .map(([name]) => `${file}: ${name}`),
  );
  assert.deepEqual(strangers, []);
});

test('docs/metrics.md names every metric of ours, without its prefix, and no other', async (t) => {
  const names = await exposed(t);
  const families = [...names.keys()].filter((name) => name.startsWith('outrigger_') && !isPart(name, names));
  const rows = readText('docs/metrics.md').matchAll(/^\|([^|]+)\|/gm);
  const listed = [...rows].flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1]!));
  assert.deepEqual(listed.map((name) => `outrigger_${name}`).sort(), families.sort());
});

/** Whether it is a sample's name of a histogram. */
function isPart(name: string, names: ReadonlyMap<string, unknown>): boolean {
  const [, family] = /^(.*)_(?:bucket|sum|count)$/.exec(name) ?? [];
  return family !== undefined && names.has(family);
}

test('every query in a document asks for labels that its metric has', async (t) => {
  const names = await exposed(t);
  const wrong: string[] = [];
  for (const { text, at } of markdownFiles().flatMap((file) => blocksOf(file, 'promql'))) {
    for (const [, name = '', matchers = ''] of text.matchAll(/\b(outrigger_\w+)\{([^}]*)\}/g)) {
      for (const [, label = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)) {
        if (names.get(name)?.has(label) !== true) wrong.push(`${at}: ${name}{${label}}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('every recording rule that a document names is one of ours', () => {
  const rules = readText('deploy/prometheus/rules/recording.yml');
  const strangers = markdownFiles().flatMap((file) =>
    [...readText(file).matchAll(/\b\w+:outrigger_\w+:\w+\b/g)]
      .filter(([name]) => !rules.includes(`record: ${name}\n`))
      .map(([name]) => `${file}: ${name}`),
  );
  assert.deepEqual(strangers, []);
});
