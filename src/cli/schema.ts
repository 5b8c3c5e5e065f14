import { publishedSchema } from '../config/json-schema.js';
import { referencePage } from '../config/reference.js';
import { publishedTestSchema } from '../policy-tests/schema.js';
import { readArguments, UsageError, type Command, type Flags } from './command.js';

const flags: Flags = {
  markdown: { help: 'for people: every key with its type, default and meaning, as a page of tables' },
  tests: { help: 'that of a file of policy tests' },
};

/** Prints the JSON Schema of the policy file or of a file of policy tests, or a page for people that is made of it. */
export const schemaCommand: Command = {
  usage: '[--markdown | --tests]',
  about: "Prints the policy file's JSON Schema (draft-07), which editors take for completion and checks.",
  flags,
  run(args, io) {
    const { switches } = readArguments(args, flags);
    if (switches.size > 1) throw new UsageError('--markdown and --tests exclude each other');
    const schema = () => (switches.has('tests') ? publishedTestSchema() : publishedSchema());
    io.stdout.write(switches.has('markdown') ? referencePage() : `${JSON.stringify(schema(), null, 2)}\n`);
    return 0;
  },
};
