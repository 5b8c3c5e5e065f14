import { publishedSchema } from '../config/json-schema.js';
import { referencePage } from '../config/reference.js';
import { readArguments, type Command, type Flags } from './command.js';

const flags: Flags = {
  markdown: { help: 'for people: every key with its type, default and meaning, as a page of tables' },
};

/** Prints the JSON Schema of the policy file, or a page for people that is made of it. */
export const schemaCommand: Command = {
  usage: '[--markdown]',
  about: "Prints the policy file's JSON Schema (draft-07), which editors take for completion and checks.",
  flags,
  run(args, io) {
    const { switches } = readArguments(args, flags);
    io.stdout.write(switches.has('markdown') ? referencePage() : `${JSON.stringify(publishedSchema(), null, 2)}\n`);
    return 0;
  },
};
