import type { PoolOptions } from '../../src/upstream/pool.js';

const TLS: PoolOptions['tls'] = { ca: undefined, cert: undefined, key: undefined, serverName: undefined, verify: true };

/** Pool options with the defaults of the policy file, but for connecting, where a test need not wait so long. */
export function poolOptions(tls: Partial<PoolOptions['tls']> = {}): PoolOptions {
  return { connectTimeoutMs: 2_000, keepAliveTimeoutMs: 4_000, tls: { ...TLS, ...tls } };
}
