/**
 * The whole proxy in a process whose event loop is watched: `node probed-proxy.js POLICY_FILE`, with an IPC channel. It says
 * where it listens; asked `reset`, it forgets what it saw; asked `read`, it says the longest turn since then.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { loadConfig } from '../../src/config/load.js';
import { startInProcess } from '../lib/in-process.js';

export type Probe = { readonly listen: string; readonly admin: string } | { readonly longestTurnMs: number };

/** The probe's own timer fires so often, and later when the loop was busy. */
const EVERY_MS = 1;

const config = loadConfig(process.argv[2] ?? '', { env: process.env });
const { listen, admin } = await startInProcess(config);
const turns = monitorEventLoopDelay({ resolution: EVERY_MS });
turns.enable();
const say = (probe: Probe): void => void process.send?.(probe);

process.on('message', (asked) => {
  if (asked === 'reset') turns.reset();
  else say({ longestTurnMs: Math.max(turns.max / 1e6 - EVERY_MS, 0) });
});
say({ listen: listen[0] ?? '', admin });
