import fc from 'fast-check';

/** One thing done to a machine, as it can be written down: what, and with which numbers. */
export type Step = readonly [what: string, ...numbers: number[]];

/** How a step is done to the model and the machine, which must agree. */
interface Way<Model, Real> {
  /** Whether it can be done now; always if left out. */
  can?(model: Readonly<Model>, ...numbers: number[]): boolean;
  run(model: Model, real: Real, ...numbers: number[]): void;
}

/** A machine beside a model that is simple enough to be believed. */
export interface Machine<Rules, Model extends object, Real> {
  readonly rules: fc.Arbitrary<Rules>;
  readonly steps: readonly fc.Arbitrary<Step>[];
  readonly ways: Readonly<Record<string, Way<Model, Real>>>;
  setup(rules: Rules): { model: Model; real: Real };
  /** What must hold after each step. */
  agree(model: Readonly<Model>, real: Real): void;
}

class StepCommand<Model extends object, Real> implements fc.Command<Model, Real> {
  readonly #step: Step;
  readonly #machine: Pick<Machine<never, Model, Real>, 'agree' | 'ways'>;

  constructor(step: Step, machine: Pick<Machine<never, Model, Real>, 'agree' | 'ways'>) {
    this.#step = step;
    this.#machine = machine;
  }

  get #way(): Way<Model, Real> {
    const way = this.#machine.ways[this.#step[0]];
    if (way === undefined) throw new RangeError(`no step '${this.#step[0]}'`);
    return way;
  }

  check(model: Readonly<Model>): boolean {
    const [, ...numbers] = this.#step;
    return this.#way.can?.(model, ...numbers) ?? true;
  }

  run(model: Model, real: Real): void {
    const [, ...numbers] = this.#step;
    this.#way.run(model, real, ...numbers);
    this.#machine.agree(model, real);
  }

  /** As it is written into the corpus. */
  toString(): string {
    return JSON.stringify(this.#step);
  }
}

/** Plays given steps; throws where machine and model differ. */
export function play<Rules, Model extends object, Real>(
  machine: Machine<Rules, Model, Real>,
  rules: Rules,
  steps: readonly Step[],
): void {
  fc.modelRun(
    () => machine.setup(rules),
    steps.map((step) => new StepCommand<Model, Real>(step, machine)),
  );
}

/**
 * Plays steps by chance. What a failing run prints is played again with FC_SEED, FC_PATH and FC_REPLAY_PATH; its steps belong
 * into test/regressions/machines.json.
 */
export function explore<Rules, Model extends object, Real>(machine: Machine<Rules, Model, Real>, numRuns = 500): void {
  const { FC_SEED: seed, FC_PATH: path, FC_REPLAY_PATH: replayPath } = process.env;
  const commands = fc.commands(
    machine.steps.map((step) => step.map((one) => new StepCommand<Model, Real>(one, machine))),
    { maxCommands: 60, size: 'max', ...(replayPath === undefined ? {} : { replayPath }) },
  );
  fc.assert(
    fc.property(machine.rules, commands, (rules, run) => fc.modelRun(() => machine.setup(rules), run)),
    {
      numRuns,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      ...(path === undefined ? {} : { path }),
    },
  );
}

/** Arbitrary steps of one kind. */
export function step(what: string, ...numbers: readonly fc.Arbitrary<number>[]): fc.Arbitrary<Step> {
  return fc.tuple(...numbers).map((drawn) => [what, ...drawn]);
}
