import { publishedSchema } from '../config/json-schema.js';
import { readArguments, type Command } from './command.js';

/** Prints the JSON Schema of the policy file. */
export const schemaCommand: Command = {
  usage: '',
  about: "Prints the policy file's JSON Schema (draft-07), which editors take for completion and checks.",
  flags: {},
  run(args, io) {
    readArguments(args, {});
    io.stdout.write(`${JSON.stringify(publishedSchema(), null, 2)}\n`);
    return 0;
  },
};
