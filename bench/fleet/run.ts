import { markdown } from '../lib/table.js';
import { holds, HOLDS_HEAD } from './holds.js';
import { answer, QUESTIONS } from './questions.js';

/** Plays what docs/choosing-numbers.md tells of, and prints its tables. Names on the command line choose; `holds` alone says what the defaults are held to, and exits with 1 where they miss it. */
function main(names: readonly string[]): void {
  if (names.length === 1 && names[0] === 'holds') {
    const { rows, missed } = holds();
    process.stdout.write(`${markdown([...HOLDS_HEAD], rows)}\n`);
    if (missed > 0) process.exitCode = 1;
    return;
  }
  const unknown = names.find((name) => !QUESTIONS.some((question) => question.name === name));
  if (unknown !== undefined) {
    process.stderr.write(`there is no question '${unknown}'; one of ${QUESTIONS.map(({ name }) => name).join(', ')}\n`);
    process.exitCode = 1;
    return;
  }
  for (const question of QUESTIONS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const head = [question.name, ...question.columns.map(([title]) => title)];
    process.stdout.write(`${markdown(head, answer(question))}\n\n`);
  }
}

main(process.argv.slice(2));
