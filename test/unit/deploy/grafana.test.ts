/** The dashboard is one that Grafana can show and a person can read. What it asks for is held against a running proxy elsewhere. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { DASHBOARD, queriesOf } from '../../support/dashboard.js';
import { promtool, skipWithoutPromtool } from '../../support/promtool.js';

const { panels, templating } = DASHBOARD;
const shown = panels.filter(({ type }) => type !== 'row');

describe('deploy/grafana', () => {
  it('has a section for each question', () => {
    const sections = panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    assert.deepEqual(sections, ['What the app gets', 'What the upstream gets', 'Why', 'Resources']);
  });

  it('has panels with a title of their own, a unit, and a data source that can be chosen', () => {
    assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const { title, datasource, fieldConfig, targets = [] } of shown) {
      assert.equal(datasource?.uid, '${datasource}', title);
      assert(fieldConfig?.defaults.unit !== undefined, title);
      assert(targets.length > 0, title);
    }
  });

  it('has panels that lie beside each other', () => {
    for (const { title, gridPos: a } of panels) {
      assert(a.x + a.w <= 24, title);
      for (const { title: other, gridPos: b } of panels) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        assert(title === other || apart, `${title} over ${other}`);
      }
    }
  });

  it('lets every panel be narrowed to an app and a sidecar, and asks by no variable that it has not', () => {
    const variables = templating.list.map(({ name }) => name);
    assert.deepEqual(variables, ['datasource', 'namespace', 'app', 'instance', 'route', 'upstream']);
    for (const { title, targets = [] } of shown) {
      for (const { expr } of targets) {
        const used = [...expr.matchAll(/\$(\w+)/g)].map((match) => match[1]!);
        assert.deepEqual(
          used.filter((name) => ![...variables, '__rate_interval'].includes(name)),
          [],
          title,
        );
        // What is recorded is of all sidecars of an app.
        assert(used.includes('app') && (used.includes('instance') || expr.includes('circuit:')), title);
      }
    }
  });

  it('asks what Prometheus understands', { skip: skipWithoutPromtool }, () => {
    const rules = queriesOf(DASHBOARD).map(({ expr }, i) => ({ record: `query:${i}`, expr }));
    const folder = mkdtempSync(path.join(tmpdir(), 'outrigger-dashboard-'));
    try {
      writeFileSync(path.join(folder, 'rules.yml'), stringify({ groups: [{ name: 'dashboard', rules }] }));
      const { code, said } = promtool(['check', 'rules', path.join(folder, 'rules.yml')]);
      assert.equal(code, 0, said);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
