import { demoHints } from '../demo/hints.js';
import { startDemoUpstream } from '../demo/upstream.js';
import { systemClock } from '../runtime/clock.js';
import { systemRandom } from '../runtime/random.js';

/** The demo's own upstream; a free port is taken where this one is in use. */
const DEMO_PORT = 9000;

export interface Demo {
  /** The upstream's address, for the file's ${DEMO_URL}. */
  readonly url: string;
  /** What to try, given where the proxy and its admin server listen. */
  hints(listen: string, admin: string): string;
}

export async function startDemo(): Promise<Demo> {
  const { url } = await startDemoUpstream({
    host: '127.0.0.1',
    port: DEMO_PORT,
    clock: systemClock,
    random: systemRandom,
  });
  return {
    url,
    hints: (listen, admin) => `\nThe demo upstream is at ${url}. Try:\n\n${demoHints(local(listen), local(admin))}\n`,
  };
}

/** An address that stands for all of the machine's is reached on the loopback. */
function local(url: string): string {
  return url.replace(/^(http:\/\/)(?:0\.0\.0\.0|\[::\])/, '$1127.0.0.1');
}
