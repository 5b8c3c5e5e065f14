/** Who takes part in a run, and on which machine: a number without it means nothing. */
import { arch, cpus, release, totalmem } from 'node:os';

export interface Candidate {
  readonly name: string;
  /** undefined: not installed. */
  version(): string | undefined;
}

export interface Participant<C extends Candidate> {
  readonly contender: C;
  readonly version: string;
}

/** Those asked for, or all, that are installed. Throws a RangeError for a name that nobody has. */
export function takingPart<C extends Candidate>(candidates: readonly C[], only: readonly string[]): Participant<C>[] {
  const unknown = only.filter((name) => !candidates.some((candidate) => candidate.name === name));
  if (unknown.length > 0) {
    const names = candidates.map(({ name }) => name).join(', ');
    throw new RangeError(`--only: no '${unknown.join("', '")}'; there are ${names}`);
  }
  return candidates
    .filter(({ name }) => only.length === 0 || only.includes(name))
    .flatMap((contender) => {
      const version = contender.version();
      if (version === undefined) process.stderr.write(`${contender.name} is not installed: left out\n`);
      return version === undefined ? [] : [{ contender, version }];
    });
}

/** The date, the machine, and the versions, in two lines. */
export function machine(participants: readonly Participant<Candidate>[]): string {
  const [cpu] = cpus();
  const gib = (totalmem() / 1024 ** 3).toFixed(0);
  return [
    `${new Date().toISOString().slice(0, 10)}, ${cpu?.model.trim() ?? 'unknown CPU'} (${cpus().length} cores), ${gib} GiB, Linux ${release()} ${arch()}, Node ${process.version};`,
    `${participants.map(({ contender, version }) => `${contender.name} ${version}`).join(', ')}.`,
  ].join('\n');
}
