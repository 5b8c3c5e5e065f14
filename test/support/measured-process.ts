/**
 * `outrigger run` in a process that, at SIGUSR2, collects its garbage and writes what it holds: bytes of heap, open
 * descriptors. Needs `--expose-gc`.
 */
import { readdirSync } from 'node:fs';
import { proxyCommand } from '../../src/cli/proxy.js';

process.on('SIGUSR2', () => {
  // What waits for a finalizer is freed by the next collection.
  for (let i = 0; i < 4; i++) globalThis.gc?.();
  const held = { heap: process.memoryUsage().heapUsed, descriptors: readdirSync('/proc/self/fd').length };
  process.stdout.write(`held ${JSON.stringify(held)}\n`);
});
process.exit(await proxyCommand.run(process.argv.slice(2), process));
