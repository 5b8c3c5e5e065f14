import type { Config, ResolvedRoute } from '../config/config.js';
import { nearest } from '../config/nearest.js';
import { parseDuration, parseRatio } from '../policies/rules/units.js';
import { FAULTS, phasesOf, type Fault, type Scenario } from './scenario.js';

/** What was asked for can not be simulated; its message names the flag and says what to write. */
export class WrongScenario extends Error {
  override readonly name = 'WrongScenario';
}

const MOST_SIDECARS = 100_000;
const MOST_RATE = 100_000;
const MOST_OUTAGE_SECONDS = 3_600;
const CAPACITY_OF_NORMAL = 1.5;
/** In one variant; they take minutes, and the result no longer changes. */
const MOST_CALLS = 50_000_000;

/** The scenario that flags ask for, by their names. Throws a WrongScenario. */
export function readScenario(values: Readonly<Record<string, string | undefined>>): Scenario {
  const fleet = count('fleet', values.fleet ?? '200', MOST_SIDECARS);
  const rate = amount('rate', (values.rate ?? '20').replace(/\/s$/, ''), MOST_RATE);
  const scenario: Scenario = {
    fleet,
    rate,
    capacity: values.capacity === undefined ? CAPACITY_OF_NORMAL * fleet * rate : amount('capacity', values.capacity),
    latencyMs: duration('latency', values.latency ?? '20ms'),
    fault: fault(values.fault ?? '503'),
    outageSeconds: outage(values.outage ?? '30s'),
    brownout: values.brownout === undefined ? 0 : share('brownout', values.brownout),
    seed: values.seed === undefined ? 1 : count('seed', values.seed, 2 ** 32 - 1, 0),
  };
  const calls = fleet * rate * (phasesOf(scenario).at(-1)?.to ?? 0);
  if (calls > MOST_CALLS) {
    throw new WrongScenario(
      `--fleet, --rate and --outage make ${calls.toLocaleString('en')} calls; at most ${MOST_CALLS.toLocaleString('en')}: make one of them smaller`,
    );
  }
  return scenario;
}

/** The route of a policy file that is meant. Throws a WrongScenario. */
export function readRoute(name: string | undefined, { file, routes }: Config): ResolvedRoute {
  const names = routes.map((route) => route.name);
  const [first] = routes;
  if (name === undefined) {
    if (routes.length === 1 && first !== undefined) return first;
    throw new WrongScenario(`--route NAME is missing; in ${file} there are: ${names.join(', ')}`);
  }
  const route = routes.find((candidate) => candidate.name === name);
  if (route !== undefined) return route;
  const meant = nearest(name, names);
  const remedy = meant === undefined ? '' : `; did you mean '${meant}'?`;
  throw new WrongScenario(`--route: no route of ${file} is named '${name}'; there are: ${names.join(', ')}${remedy}`);
}

function count(flag: string, text: string, most: number, least = 1): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new WrongScenario(`--${flag}: found '${text}'; write a whole number from ${least} to ${most}, such as 200`);
}

function amount(flag: string, text: string, most = Infinity): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (value > 0 && value <= most) return value;
  const bound = most === Infinity ? '' : `, ${most} at most`;
  throw new WrongScenario(
    `--${flag}: found '${text}'; write calls a second as a number above zero${bound}, such as 20`,
  );
}

function duration(flag: string, text: string): number {
  const value = asNumber(parseDuration, text);
  if (value > 0) return value;
  throw new WrongScenario(`--${flag}: found '${text}'; write a duration above zero, such as 20ms or 1s`);
}

function outage(text: string): number {
  const seconds = asNumber(parseDuration, text) / 1_000;
  if (Number.isInteger(seconds) && seconds > 0 && seconds <= MOST_OUTAGE_SECONDS) return seconds;
  throw new WrongScenario(`--outage: found '${text}'; write whole seconds, 1h at most, such as 30s or 2m`);
}

function share(flag: string, text: string): number {
  const value = asNumber(parseRatio, text);
  if (value > 0 && value <= 1) return value;
  throw new WrongScenario(`--${flag}: found '${text}'; write a share above 0% and up to 100%, such as 30%`);
}

function fault(text: string): Fault {
  const found = FAULTS.find((name) => name === text);
  if (found !== undefined) return found;
  const meant = nearest(text, FAULTS);
  const remedy = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new WrongScenario(`--fault: found '${text}'; write one of ${FAULTS.join(', ')}${remedy}`);
}

function asNumber(parse: (text: string) => number, text: string): number {
  try {
    return parse(text);
  } catch {
    return NaN;
  }
}
