import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { Readable } from 'node:stream';
import type { Operations } from '../../src/admin/operations.js';
import { createAdmin, type Admin, type AdminOptions } from '../../src/admin/server.js';
import { bind, type ListenAddress } from '../../src/edge/bind.js';
import { EventFeed } from '../../src/observability/event-feed.js';
import { systemClock } from '../../src/runtime/clock.js';

export const LOOPBACK: ListenAddress = { host: '127.0.0.1', port: 0 };

/** A way to bind to an address. */
export const at = (address: ListenAddress) => (server: Server) => bind(server, address, 'admin.listen');

const never = () => assert.fail('nobody asked for this');

/** Operations that no test expects to be used. */
export const NO_OPERATIONS: Operations = {
  routes: never,
  history: never,
  upstreams: never,
  circuits: never,
  config: never,
  forceCircuits: never,
  resetCircuits: never,
  switchRetries: never,
  setLogLevel: never,
  quit: never,
  reload: never,
};

/** An admin server on a free port of loopback, of which some parts are given. */
export function adminWith(options: Partial<AdminOptions> = {}): Admin {
  return createAdmin({
    metrics: {
      scrape: (openMetrics) =>
        Promise.resolve({
          contentType: openMetrics ? 'application/openmetrics-text' : 'text/plain',
          body: Readable.from(['up', ' 1\n']),
        }),
    },
    ready: () => ({ ready: true }),
    bind: at(LOOPBACK),
    rules: () => ({ token: undefined, hosts: [] }),
    operations: NO_OPERATIONS,
    witness: { counted: () => undefined, refused: () => undefined },
    onFault: () => undefined,
    feed: new EventFeed(systemClock),
    clock: systemClock,
    version: '0.0.0',
    ...options,
  });
}
