import type { PhaseResult } from './result.js';
import type { Simulation } from './simulation.js';
import { comeback, meanwhile, ms, number, percent, scenarioWords, VARIANT_WORDS } from './words.js';

/** Marks a part of the text on a terminal. */
export type Mark = (look: 'heading' | 'quiet', text: string) => string;

/** What is said of a phase. */
export const HEADINGS = ['phase', 'seconds', 'success', 'attempts/call', 'peak load', 'of capacity', 'p50', 'p99'];

/** Letters in a line of text. */
const WIDTH = 100;

/** The result for people: a table for each variant, and in words what it did. */
export function simulationText({ file, route, scenario, variants }: Simulation, mark: Mark): string {
  const blocks = variants.map((variant) => {
    const title = `${mark('heading', variant.name)}: ${VARIANT_WORDS[variant.name]}`;
    return `${title}\n${table(variant.phases, mark)}\n${wrapped(`${comeback(variant)} ${meanwhile(variant)}`, '  ')}\n`;
  });
  const asked = `Route ${route} of ${file}, seed ${scenario.seed}. ${scenarioWords(scenario)}`;
  return `${wrapped(asked)}\n\n${blocks.join('\n')}`;
}

/** A phase under the headings. */
export function phaseCells(phase: PhaseResult): readonly string[] {
  return [
    phase.name,
    `${phase.from}–${phase.to}`,
    percent(phase.success),
    phase.attemptsPerCall.toFixed(2),
    `${number(phase.peakLoad)}/s`,
    percent(phase.peakOverCapacity),
    ms(phase.p50Ms),
    ms(phase.p99Ms),
  ];
}

function table(phases: readonly PhaseResult[], mark: Mark): string {
  const rows = phases.map(phaseCells);
  const widths = HEADINGS.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  ')}`;
  return [mark('quiet', line(HEADINGS)), ...rows.map(line)].join('\n');
}

function wrapped(text: string, indent = ''): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && indent.length + line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => indent + line).join('\n');
}
