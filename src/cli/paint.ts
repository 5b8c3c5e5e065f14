import { styleText } from 'node:util';
import type { Look, Paint } from '../explain/layout.js';
import type { Io } from './io.js';

const LOOKS: Readonly<Record<Look, Parameters<typeof styleText>[0]>> = {
  heading: 'bold',
  good: 'green',
  bad: 'red',
  doubtful: 'yellow',
  quiet: 'dim',
};

/** Colours for a terminal that is not told to have none (no-color.org); else text stays as it is. */
export function paintFor({ stdout, env }: Pick<Io, 'stdout' | 'env'>): Paint {
  const colours = stdout.isTTY === true && (env.NO_COLOR ?? '') === '';
  // Whose stream it is has been looked at: styleText would look at the process's own.
  return colours ? (look, text) => styleText(LOOKS[look], text, { validateStream: false }) : (_look, text) => text;
}
