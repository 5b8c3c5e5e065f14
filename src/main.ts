#!/usr/bin/env -S MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072 node --max-semi-space-size=2
/** The process: what it is called with, and the code it ends with. */
import { runCommandLine } from './cli/commands.js';

// A reader that goes away ends what is written, not the process.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

const code = await runCommandLine(process.argv.slice(2), process);
// Whatever still listens or streams ends now; what was written to stdout goes out first.
process.stdout.write('', () => process.exit(code));
