/** What a call may make the proxy do. */
import type { CALLS, Work } from './measure.js';

type Bound = Pick<Work, 'events' | 'bytes'>;

/** What is counted, in words. */
export const figures: readonly { readonly what: string; readonly of: (work: Bound) => number }[] = [
  { what: 'promises', of: ({ events }) => events.promises },
  { what: 'timers made', of: ({ events }) => events.timers },
  { what: 'immediates', of: ({ events }) => events.immediates },
  { what: 'ticks', of: ({ events }) => events.ticks },
  { what: 'read calls', of: ({ events }) => events.reads },
  { what: 'write calls', of: ({ events }) => events.writes },
  { what: 'bytes allocated by Outrigger', of: ({ bytes }) => bytes.own },
  { what: 'bytes allocated by its packages', of: ({ bytes }) => bytes.packages },
  { what: 'bytes allocated by Node', of: ({ bytes }) => bytes.node },
];

/**
 * What was counted, and a hundredth more. Events and our own bytes come out the same in every run; of Node 20 to 26
 * the one with the most counts, which is 20 for our own bytes: there a closure more per call is too much. What packages
 * and Node allocate varies by a hundredth. Those in a trace were counted on Node 20 alone, with as much more for Node's bytes
 * as a GET has.
 */
export const BOUNDS: Readonly<Record<keyof typeof CALLS, Bound>> = {
  GET: {
    events: { promises: 0, timers: 3, immediates: 0, ticks: 4, reads: 2, writes: 2 },
    bytes: { own: 12_550, packages: 1_150, node: 12_900 },
  },
  'POST of 1 KiB': {
    events: { promises: 0, timers: 4, immediates: 2, ticks: 7, reads: 2, writes: 2 },
    bytes: { own: 14_690, packages: 1_150, node: 20_600 },
  },
  'GET in a trace that is not sampled': {
    events: { promises: 0, timers: 3, immediates: 0, ticks: 4, reads: 2, writes: 2 },
    bytes: { own: 13_550, packages: 1_150, node: 13_600 },
  },
  'GET in a trace that is sampled': {
    events: { promises: 0, timers: 3, immediates: 0, ticks: 4, reads: 2, writes: 2 },
    bytes: { own: 25_680, packages: 1_150, node: 13_900 },
  },
};

/** The bounds that a call exceeds, in words, with where its bytes come from and what to do about it. */
export function exceeded(call: keyof typeof CALLS, work: Work): string[] {
  const bound = BOUNDS[call];
  return figures
    .filter(({ of }) => of(work) > of(bound) + SLACK)
    .map(({ what, of }) => `a ${call} takes ${of(work)} ${what}, and may take ${of(bound)}`);
}

/** A timer of something else may fall into every batch. */
const SLACK = 0.1;

/** Where most is allocated, for whoever has to find what is new. */
export function whatToDo(work: Work): string {
  const own = work.sites.filter(({ owner }) => owner === 'own').slice(0, MOST_SITES);
  return [
    'Each call does more than before. Compare the list below with that of `npm run bench:work` on the commit before, and',
    'take out what is new: a closure, an array or object, a promise or a timer per call. If it is worth its price, raise',
    'the bound in bench/work/bounds.ts and say in the commit what is had for it. Most bytes of our own code come from:',
    ...own.map(({ at, bytes }) => `${String(bytes).padStart(6)}  ${at}`),
  ].join('\n');
}

const MOST_SITES = 20;
