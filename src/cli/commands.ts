import { nearest } from '../config/nearest.js';
import { isUsageError, UsageError, type Command } from './command.js';
import type { Io } from './io.js';
import { version } from './version.js';

interface Entry {
  readonly summary: string;
  /** Loads what the command needs, and no other's. */
  readonly load: () => Promise<Command>;
}

/** The commands, as `outrigger --help` lists them. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  run: {
    summary: 'start the proxy (the default)',
    load: async () => (await import('./proxy.js')).proxyCommand,
  },
  validate: {
    summary: 'check a policy file',
    load: async () => (await import('./validate.js')).validateCommand,
  },
  explain: {
    summary: 'say what a policy file makes of a call',
    load: async () => (await import('./explain.js')).explainCommand,
  },
  schema: {
    summary: "print the policy file's JSON Schema",
    load: async () => (await import('./schema.js')).schemaCommand,
  },
  test: {
    summary: 'run policy tests in virtual time',
    load: async () => (await import('./test.js')).testCommand,
  },
  simulate: {
    summary: 'say what a policy does to a fleet in an outage, in virtual time',
    load: async () => (await import('./simulate.js')).simulateCommand,
  },
  healthcheck: {
    summary: 'ask a running proxy whether it is ready',
    load: async () => (await import('./healthcheck.js')).healthcheckCommand,
  },
};

const DEFAULT = 'run';

/** Runs the command that `args` name, and returns the exit code: 2 for a wrong command line, else the command's. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    io.stderr.write(`outrigger: ${error.message}\n`);
    return 2;
  }
}

async function dispatch(args: readonly string[], io: Io): Promise<number> {
  const named = args[0] !== undefined && !args[0].startsWith('-');
  const name = named ? args[0]! : DEFAULT;
  const rest = named ? args.slice(1) : args;
  if (asksFor(rest, '--version')) {
    io.stdout.write(`outrigger ${version}\n`);
    return 0;
  }
  const help = asksFor(rest, '--help') || asksFor(rest, '-h');
  if (help && !named) {
    io.stdout.write(overview());
    return 0;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) throw new UsageError(`unknown command '${name}'${meant(name)}; see outrigger --help`);
  const command = await entry.load();
  if (help) {
    io.stdout.write(helpText(name, command));
    return 0;
  }
  return command.run(rest, io);
}

/** Whether a flag stands among the arguments, before `--`. */
function asksFor(args: readonly string[], flag: string): boolean {
  const end = args.indexOf('--');
  return (end === -1 ? args : args.slice(0, end)).includes(flag);
}

function meant(name: string): string {
  const guess = nearest(name, Object.keys(COMMANDS));
  return guess === undefined ? '' : `: did you mean '${guess}'?`;
}

function overview(): string {
  const list = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  return `outrigger ${version}: a sidecar resilience proxy

outrigger [COMMAND] [FLAGS]

${columns(list)}

outrigger COMMAND --help says more; outrigger --version says the version.
`;
}

function helpText(name: string, { usage, about, flags }: Command): string {
  const list = Object.entries(flags).map(
    ([flag, { value, short, help }]) =>
      [`${short === undefined ? '' : `-${short}, `}--${flag}${value === undefined ? '' : ` ${value}`}`, help] as const,
  );
  const flagList = list.length === 0 ? '' : `\n${columns(list)}\n`;
  return `outrigger ${name} ${usage}`.trimEnd() + `\n\n${about}\n${flagList}`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`).join('\n');
}
