import { closeSync, openSync, writeFileSync } from 'node:fs';
import { simulationPage } from '../fleet/html/page.js';
import { simulationReport } from '../fleet/json.js';
import { simulate } from '../fleet/result.js';
import { readRoute, readScenario, WrongScenario } from '../fleet/read-scenario.js';
import { FAULTS, phasesOf } from '../fleet/scenario.js';
import type { Simulation } from '../fleet/simulation.js';
import { simulationText } from '../fleet/table.js';
import { VARIANTS } from '../fleet/variants.js';
import { readArguments, UsageError, type Command, type Flags } from './command.js';
import { paintFor } from './paint.js';
import { Progress } from './progress.js';
import { readPolicy } from './read-policy.js';

const flags: Flags = {
  route: { value: 'NAME', help: 'the route whose policies are simulated; may be left out if there is only one' },
  fleet: { value: 'N', help: 'sidecars (200)' },
  rate: { value: 'R', help: 'calls a second of each (20)' },
  outage: { value: 'DURATION', help: 'how long the outage lasts (30s)' },
  fault: { value: FAULTS.join('|'), help: 'what the upstream does meanwhile (503)' },
  brownout: { value: 'SHARE', help: 'before the outage, so many attempts get a 503 for 30 s, such as 30% (none)' },
  capacity: { value: 'C', help: 'calls a second that the upstream serves in all (1.5 × N × R)' },
  latency: { value: 'DURATION', help: 'what a call takes there on average while it is well (20ms)' },
  seed: { value: 'S', help: 'what chance is drawn from (1)' },
  json: { help: 'print the result as JSON' },
  html: { value: 'FILE', help: 'write the result to FILE as a page with plots' },
};

/** Says what a route's policies do to a fleet, and to the upstream, in an outage. */
export const simulateCommand: Command = {
  usage: 'FILE --route NAME --fleet N --rate R --outage DURATION [FLAGS]',
  about:
    "Runs a fleet of sidecars with a route's policies against one upstream of limited capacity, in virtual time; nothing is\n" +
    'sent. 30 s all is well, then there is an outage, then a minute of recovery. Beside it, with the same calls, a fleet\n' +
    'without policies and one with plain retries. Exit code 0: done; 2: the file or a flag is wrong.',
  flags,
  run(args, io) {
    const given = readArguments(args, flags, ['FILE']);
    const [file = ''] = given.positionals;
    const json = given.switches.has('json');
    const scenario = asked(() => readScenario(given.values));
    const config = readPolicy(file, json, io);
    if (config === undefined) return 2;
    const route = asked(() => readRoute(given.values.route, config));
    const { html } = given.values;
    // Before minutes of work are done for nothing.
    if (html !== undefined) writing(() => closeSync(openSync(html, 'a')));
    const progress = new Progress(io.stderr);
    const ends = phasesOf(scenario).at(-1)?.to ?? 1;
    const variants = withoutStacks(() =>
      VARIANTS.map((name, index) =>
        simulate(name, route, config, scenario, (second) =>
          progress.show((index + second / ends) / VARIANTS.length, `${name}, second ${second} of ${ends}`),
        ),
      ),
    );
    progress.clear();
    const result: Simulation = { file, route: route.name, scenario, variants };
    if (html !== undefined) writing(() => writeFileSync(html, simulationPage(result)));
    io.stdout.write(
      json ? `${JSON.stringify(simulationReport(result), null, 2)}\n` : simulationText(result, paintFor(io)),
    );
    return 0;
  },
};

/** Nobody reads the stacks of millions of simulated failures, and taking them would be a third of the work. */
function withoutStacks<Result>(run: () => Result): Result {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function writing(write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new UsageError(
      `--html: the file can not be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function asked<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof WrongScenario) throw new UsageError(error.message);
    throw error;
  }
}
