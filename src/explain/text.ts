import { durationText } from '../config/describe.js';
import { formatIssue, type SourceText } from '../config/issues.js';
import type { Place } from '../config/provenance.js';
import type { Mismatch } from '../routing/mismatch.js';
import type { Considered, Explanation, Taken } from './explain.js';
import { type Look, type Paint, table } from './layout.js';
import type { Load } from './load.js';
import { valuesText } from './values-text.js';
import type { WorstCase } from './worst-case.js';

/** How the text is to look. */
export interface TextStyle {
  readonly paint: Paint;
  /** Letters in a line. */
  readonly width: number;
}

/** The explanation for people: what they ask first comes first. */
export function explanationText(explanation: Explanation, source: SourceText, style: TextStyle): string {
  const { call, considered, taken, file } = explanation;
  const { paint, width } = style;
  const lines = [
    paint('heading', `${call.method} ${call.path}${call.query}, Host ${call.host}`),
    ...routesText(considered, taken, file, style),
  ];
  if (taken === undefined) {
    return [...lines, paint('bad', '  no route matches: the app gets 404 no-route')].join('\n');
  }
  if (taken.refused !== undefined)
    lines.push(paint('bad', `  refused all the same, with 400 bad-request: ${taken.refused}`));
  const section = (title: string, body: readonly string[]) => {
    lines.push('', paint('heading', title), ...body);
  };
  section('When it fails', table(failureRows(taken), 2, width));
  section(
    'Worst case, from when the request is in until the head of the answer',
    table(worstRows(taken.worst, taken), 2, width),
  );
  section('Load, at worst', table(taken.worst.load.map(loadRow), 2, width));
  for (const [index, part] of taken.parts.entries()) {
    lines.push('', ...valuesText(part, file, style, taken.parts.slice(0, index)));
  }
  for (const warning of taken.warnings)
    lines.push('', `${paint('doubtful', 'warning:')} ${formatIssue(warning, source)}`);
  if (taken.otherWarnings > 0) {
    const more = taken.otherWarnings === 1 ? 'warning is' : 'warnings are';
    lines.push('', paint('quiet', `${taken.otherWarnings} ${more} about other parts: outrigger validate ${file}`));
  }
  return lines.join('\n');
}

function routesText(
  considered: readonly Considered[],
  taken: Taken | undefined,
  file: string,
  { paint, width }: TextStyle,
): string[] {
  const rows = considered.map(({ route, place, mismatches }) => [
    mismatches.length === 0 ? '✓' : '✗',
    route,
    at(file, place),
    mismatches.length === 0 ? reached(taken) : mismatches.map((one) => mismatchText(one)).join('; '),
  ]);
  let look: Look = 'quiet';
  return table(rows, 2, width).map((line) => {
    // What is broken into several lines begins with the first.
    if (line.startsWith('  ✓')) look = 'good';
    return paint(look, line);
  });
}

function reached(taken: Taken | undefined): string {
  return taken === undefined ? '' : `matches: upstream ${taken.route.upstream} is asked for ${taken.target}`;
}

function mismatchText({ on, name, wanted, found }: Mismatch): string {
  if (on === 'header') return `header ${name} is ${found ?? 'not there'}, not ${wanted}`;
  return `${on} is ${found}, not ${on === 'method' ? wanted.replaceAll(', ', ' or ') : wanted}`;
}

function failureRows({ retried: { on, not }, notHedged, route: { fallback } }: Taken): string[][] {
  const steps = fallback === false ? [] : fallback.steps.map((step) => stepText(step));
  return [
    ...(on.length === 0 ? [] : [['retried', `after ${on.join(', ')}`]]),
    ...not.map(({ on: entries, why }) => {
      return ['not retried', entries.length === 0 ? why : `after ${entries.join(', ')}: ${why}`];
    }),
    ...(notHedged === undefined ? [] : [['no hedge', notHedged]]),
    ...(steps.length === 0 ? [] : [['fallback', steps.join(', then ')]]),
  ];
}

type Step = Exclude<Taken['route']['fallback'], false>['steps'][number];

function stepText(step: Step): string {
  if ('stale' in step) return 'the last good answer (stale)';
  return 'upstream' in step ? `upstream ${step.upstream}` : `a response of ${step.response.status}`;
}

function worstRows(worst: WorstCase, { route, retried }: Taken): string[][] {
  const { first, retries, hedges, fallbackUpstreams } = worst;
  const wanted = route.retry === false || retried.on.length === 0 ? 0 : route.retry.maxAttempts - 1;
  const missed = retries.attempts < wanted ? `leaves time for ${retries.attempts} of ${wanted} retries, ` : '';
  const rows: string[][] = [['first attempt', time(first.longestMs), '1 attempt', '']];
  if (retries.attempts > 0) {
    rows.push([
      'retries',
      `+${time(retries.longestMs)}`,
      count(retries.attempts),
      `back-off up to ${durationText(worst.backoffMs)} in all`,
    ]);
    const { retryAfter } = worst;
    if (retryAfter !== undefined && retryAfter.longestMs > 0) {
      rows.push([
        'Retry-After',
        `+${time(retryAfter.longestMs)}`,
        '',
        `up to ${durationText(retryAfter.eachMs)} in place of each back-off`,
      ]);
    }
  }
  if (hedges.attempts > 0) {
    const delay = route.hedge === false ? '' : `each ${route.hedge.delay} after the one before`;
    rows.push(['hedges', `+${time(hedges.longestMs)}`, count(hedges.attempts), delay]);
  }
  rows.push([
    'timeout',
    worst.deadlineMs === Infinity ? 'off' : durationText(worst.deadlineMs),
    '',
    deadlineText(worst, missed),
  ]);
  for (const { upstream, attempts, longestMs, onlyUnsent } of fallbackUpstreams) {
    const note = onlyUnsent ? 'only for a call that was never sent' : '';
    rows.push([`fallback ${upstream}`, `+${time(longestMs)}`, count(attempts), note]);
  }
  rows.push(['in all', time(worst.longestMs), `${plain(worst.attempts)} at most`, '']);
  return rows;
}

function deadlineText({ deadlineMs, unboundedMs }: WorstCase, missed: string): string {
  if (deadlineMs === Infinity) return '';
  if (unboundedMs === Infinity) return 'cuts it off: nothing else bounds it';
  return unboundedMs > deadlineMs
    ? `${missed === '' ? 'cuts it off: ' : missed}without it ${durationText(unboundedMs)}`
    : `is enough for all of it: ${durationText(unboundedMs)}`;
}

function loadRow({ upstream, attemptsPerCall, calls, budget }: Load): string[] {
  const each = plain(attemptsPerCall);
  if (calls !== 'all') {
    return [
      upstream,
      `${each} for each call that fails${calls === 'unsent' ? ' unsent' : ''}: no retry budget counts them`,
    ];
  }
  if (attemptsPerCall <= 1) return [upstream, `${each} for each call`];
  if (budget === undefined) return [upstream, `${each} for each call: there is no retry budget`];
  const { whileFailing, total, minPerSecond } = budget;
  return [
    upstream,
    `${each} for one call; over many, retries and hedges that reach it add ${share(whileFailing)} of the calls while they fail, ` +
      `${share(total)} in all, or ${minPerSecond}/s if that is more (retryBudget)`,
  ];
}

function time(ms: number): string {
  return ms === Infinity ? 'no bound' : durationText(ms);
}

function plain(attempts: number): string {
  return `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
}

function count(attempts: number): string {
  return `+${plain(attempts)}`;
}

function share(ratio: number): string {
  return `${Number((ratio * 100).toFixed(1))} %`;
}

function at(file: string, place: Place | undefined): string {
  return place === undefined ? file : `${file}:${place.line}`;
}
