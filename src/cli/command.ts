import { parseArgs } from 'node:util';
import { nearest } from '../config/nearest.js';
import type { Io } from './io.js';

/** A command of `outrigger`. */
export interface Command {
  /** What follows `outrigger NAME` in its usage line. */
  readonly usage: string;
  /** A sentence or two on what it does. */
  readonly about: string;
  readonly flags: Flags;
  /** Returns the exit code. Throws a UsageError when it is called wrongly. */
  run(args: readonly string[], io: Io): number | Promise<number>;
}

/** Flags by their names without the dashes. */
export type Flags = Readonly<Record<string, Flag>>;

export interface Flag {
  /** It takes a value, named so in the help. */
  readonly value?: string;
  /** A letter that may stand for it, with one dash. */
  readonly short?: string;
  readonly help: string;
}

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

/** By its code, not its class: a command may have been bundled with a copy of its own. */
export function isUsageError(error: unknown): error is UsageError {
  return error instanceof Error && 'code' in error && error.code === 'usage';
}

/** What a command was called with: values of flags that take one, `true` for those that take none, and the rest. */
export interface Arguments {
  /** The last one of each flag. */
  readonly values: Readonly<Record<string, string | undefined>>;
  /** All of a flag that was given several times, in order. */
  readonly all: (flag: string) => readonly string[];
  readonly switches: ReadonlySet<string>;
  readonly positionals: readonly string[];
}

/**
 * Reads a command's arguments: `--flag value` or `--flag=value`, in any order. `--` ends the flags. `[NAME]` may be left
 * out; of `NAME...`, the last, there may be several.
 */
export function readArguments(args: readonly string[], flags: Flags, positionals: readonly string[] = []): Arguments {
  const options = Object.entries(flags).map(([name, { value, short }]) => {
    return [name, { type: typeOf(value), ...(short === undefined ? {} : { short }) }] as const;
  });
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(options),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given: (readonly [flag: string, value: string])[] = [];
  const switches = new Set<string>();
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') rest.push(token.value);
    if (token.kind !== 'option') continue;
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined;
    if (flag === undefined) throw new UsageError(`unknown flag ${token.rawName}${meant(token.name, flags)}`);
    if (flag.value === undefined) {
      if (token.value !== undefined) throw new UsageError(`--${token.name} takes no value`);
      switches.add(token.name);
    } else {
      // `--config --demo`: a flag is no value.
      const value = token.inlineValue === false && token.value.startsWith('-') ? '' : token.value;
      if (value === undefined || value === '') throw new UsageError(`--${token.name} needs ${flag.value}`);
      given.push([token.name, value]);
    }
  }
  const missing = positionals[rest.length];
  if (missing?.startsWith('[') === false) {
    const all = positionals.length > 1 ? `: write ${positionals.join(' ')}` : '';
    throw new UsageError(`${missing.replace(/\.{3}$/, '')} is missing${all}`);
  }
  const several = positionals.at(-1)?.endsWith('...') === true;
  const extra = several ? undefined : rest[positionals.length];
  if (extra !== undefined) throw new UsageError(`unexpected '${extra}'${flagFor(extra, flags)}`);
  return {
    values: Object.fromEntries(given),
    all: (flag) => given.flatMap(([name, value]) => (name === flag ? [value] : [])),
    switches,
    positionals: rest,
  };
}

function typeOf(value: string | undefined): 'string' | 'boolean' {
  return value === undefined ? 'boolean' : 'string';
}

/** Other commands take a policy file without a flag: who gives it so to one that has a flag for it means that. */
function flagFor(text: string, flags: Flags): string {
  return flags.config !== undefined && /\.ya?ml$/i.test(text) ? `: write --config ${text}` : '';
}

function meant(name: string, flags: Flags): string {
  const guess = nearest(name, Object.keys(flags));
  return guess === undefined ? '' : `: did you mean --${guess}?`;
}
