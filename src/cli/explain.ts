import type { Config } from '../config/config.js';
import { AskedWrongly, askedCall } from '../explain/asked.js';
import { explain, type Explanation } from '../explain/explain.js';
import { explanationJson } from '../explain/json.js';
import { explanationText } from '../explain/text.js';
import { readArguments, UsageError, type Command, type Flags } from './command.js';
import type { Io } from './io.js';
import { paintFor } from './paint.js';
import { readPolicy } from './read-policy.js';

/** Letters in a line that is no terminal's. */
const WIDTH = 120;
/** Below this, columns can't be told apart. */
const NARROWEST = 60;

const flags: Flags = {
  header: { value: "'NAME: VALUE'", short: 'H', help: 'a header of the call; may be given several times' },
  strict: { help: 'exit code 1 if there are warnings about the route or its upstreams' },
  json: { help: 'print the result as JSON' },
};

/** Says what a policy file makes of a call: the route, what is retried, the worst case, and where each value comes from. */
export const explainCommand: Command = {
  usage: "FILE METHOD URL [-H 'NAME: VALUE' …] [--strict] [--json]",
  about:
    'Says what a policy file makes of a call: which route takes it and why no earlier one does, what is retried, the worst\n' +
    'case in time, attempts and load, each value in force and where it comes from, and what a reviewer would ask about.\n' +
    'URL is a path, or a whole URL whose host counts as Host.\n' +
    'Exit code 0: a route matches; 1: none does, or there are warnings, with --strict; 2: the file has errors.',
  flags,
  run(args, io) {
    const { all, switches, positionals } = readArguments(args, flags, ['FILE', 'METHOD', 'URL']);
    const [file = '', method = '', url = ''] = positionals;
    const config = readPolicy(file, switches.has('json'), io);
    if (config === undefined) return 2;
    const explanation = explain(config, asked(config, method, url, all('header')));
    io.stdout.write(`${switches.has('json') ? json(explanation) : text(explanation, config, io)}\n`);
    const { taken } = explanation;
    return taken === undefined || (switches.has('strict') && taken.warnings.length > 0) ? 1 : 0;
  },
};

function asked(config: Config, method: string, url: string, headers: readonly string[]) {
  try {
    return askedCall(method, url, headers, config.listen);
  } catch (error) {
    if (error instanceof AskedWrongly) throw new UsageError(error.message);
    throw error;
  }
}

function json(explanation: Explanation): string {
  return JSON.stringify(explanationJson(explanation), null, 2);
}

function text(explanation: Explanation, config: Config, io: Io): string {
  // A terminal that does not know how wide it is says 0.
  const columns = io.stdout.isTTY === true ? (io.stdout.columns ?? 0) : 0;
  const width = columns === 0 ? WIDTH : Math.max(columns, NARROWEST);
  return explanationText(explanation, config.source, { paint: paintFor(io), width });
}
