/** `npm run bench:work`: what a call makes the proxy do, with the bounds that a test holds it to, and where it allocates. */
import { markdown } from '../lib/table.js';
import { BOUNDS, figures } from './bounds.js';
import { CALLS, measureWork, type Work } from './measure.js';

const MOST_SITES = 40;

const measured: [name: keyof typeof CALLS, work: Work][] = [];
for (const name of Object.keys(CALLS) as (keyof typeof CALLS)[]) measured.push([name, await measureWork(name)]);

const rows = figures.map(({ what, of }) => [
  what,
  ...measured.flatMap(([name, work]) => [String(of(work)), String(of(BOUNDS[name]))]),
]);
process.stdout.write(`${markdown(['per call', ...measured.flatMap(([name]) => [name, 'at most'])], rows)}\n\n`);
process.stdout.write(`Node ${process.version}, optimising compilers off. Where a GET allocates:\n\n`);
const sites = measured[0]![1].sites.slice(0, MOST_SITES);
process.stdout.write(
  `${markdown(
    ['function', 'bytes'],
    sites.map(({ at, bytes }) => [at, String(bytes)]),
  )}\n`,
);
