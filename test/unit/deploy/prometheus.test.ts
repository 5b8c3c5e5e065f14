/** The rules in deploy/prometheus: what Prometheus itself says of them, and the page for whoever is woken by one. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { projectRoot } from '../../support/project-root.js';
import { promtool, skipWithoutPromtool } from '../../support/promtool.js';

interface Rules {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

interface Rule {
  readonly alert?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const folder = `${projectRoot}deploy/prometheus/`;
const filesIn = (name: string) => readdirSync(folder + name).map((file) => `${folder}${name}/${file}`);
const alerts = filesIn('rules').flatMap((file) => {
  const { groups } = parse(readFileSync(file, 'utf8')) as Rules;
  return groups.flatMap(({ rules }) => rules).filter((rule) => rule.alert !== undefined);
});
const pages = `${projectRoot}docs/runbooks/`;
const pageOf = (rule: Rule) =>
  /\/docs\/runbooks\/([\w-]+\.md)$/.exec(rule.annotations?.runbook_url ?? '')?.[1] ?? 'none';

describe('deploy/prometheus', () => {
  it('has rules that promtool accepts', { skip: skipWithoutPromtool }, () => {
    const { code, said } = promtool(['check', 'rules', ...filesIn('rules')]);
    assert.equal(code, 0, said);
  });

  it('has rules that do what their tests say', { skip: skipWithoutPromtool }, () => {
    const { code, said } = promtool(['test', 'rules', ...filesIn('tests')]);
    assert.equal(code, 0, said);
  });

  it('says of each alert how bad it is, what it means and what to do', () => {
    assert(alerts.length > 0);
    for (const rule of alerts) {
      assert.match(rule.labels?.severity ?? '', /^(critical|warning|info)$/, rule.alert);
      assert(rule.annotations?.summary !== undefined && rule.annotations.description !== undefined, rule.alert);
      assert(existsSync(pages + pageOf(rule)), `${rule.alert}: ${pageOf(rule)}`);
    }
  });

  it('tests each alert', () => {
    const tests = filesIn('tests').map((file) => readFileSync(file, 'utf8'));
    for (const { alert } of alerts) {
      assert(
        tests.some((text) => new RegExp(`\\b${alert}\\b`).test(text)),
        alert,
      );
    }
  });
});

describe('docs/runbooks', () => {
  it('has a page for each alert, that bears its name, and no other', () => {
    const found = readdirSync(pages).filter((file) => file !== 'README.md');
    assert.deepEqual(found.sort(), alerts.map(pageOf).sort());
    for (const rule of alerts)
      assert.match(readFileSync(pages + pageOf(rule), 'utf8'), new RegExp(`^# ${rule.alert}\n`));
  });

  it('says on each page what it means, what to look at, what to do and what not to do', () => {
    for (const rule of alerts) {
      const headings = [...readFileSync(pages + pageOf(rule), 'utf8').matchAll(/^## (.*)$/gm)].map((match) => match[1]);
      const due = ['What it means', 'What to look at', 'What to do', 'What not to do'];
      assert.deepEqual(headings, due, rule.alert);
    }
  });

  it('lists each alert with its severity in the index', () => {
    const index = readFileSync(`${pages}README.md`, 'utf8');
    for (const rule of alerts) {
      const row = new RegExp(`^\\| \\[${rule.alert}\\]\\(${pageOf(rule)}\\) +\\| ${rule.labels?.severity} `, 'm');
      assert.match(index, row);
    }
  });

  it('links only to what exists', () => {
    for (const file of readdirSync(pages)) {
      for (const [, link] of readFileSync(pages + file, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
        assert(existsSync(pages + link!), `${file}: ${link}`);
      }
    }
  });
});
