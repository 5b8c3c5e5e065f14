import { readFileSync } from 'node:fs';
import { projectRoot } from './project-root.js';

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
  readonly annotations: {
    readonly list: readonly { readonly expr: string; readonly titleFormat: string; readonly textFormat: string }[];
  };
}

export const DASHBOARD = JSON.parse(
  readFileSync(`${projectRoot}deploy/grafana/dashboards/outrigger.json`, 'utf8'),
) as Dashboard;

/** A query of the dashboard as Prometheus would get it, and the labels that its legend names. */
export interface Query {
  readonly where: string;
  readonly expr: string;
  readonly legend: readonly string[];
}

/** What the dashboard asks: panels, annotations and the lists of its variables. */
export function queriesOf(dashboard: Dashboard): Query[] {
  const ofPanels = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ where: title, expr, legend: labelsIn(legendFormat) })),
  );
  const ofAnnotations = dashboard.annotations.list.map(({ expr, titleFormat }) => ({
    where: 'annotation',
    expr,
    legend: labelsIn(titleFormat),
  }));
  const ofVariables = dashboard.templating.list.flatMap(({ name, definition }) => {
    const [, series, label] = /^label_values\((.*), (\w+)\)$/.exec(definition ?? '') ?? [];
    return series === undefined ? [] : [{ where: `variable ${name}`, expr: series, legend: [label!] }];
  });
  return [...ofPanels, ...ofAnnotations, ...ofVariables].map((query) => ({ ...query, expr: filledIn(query.expr) }));
}

/** With what Grafana puts in place of its variables. */
function filledIn(expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m').replaceAll(/"\$\w+"/g, '".*"');
}

function labelsIn(legend: string): string[] {
  return [...legend.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]!);
}
