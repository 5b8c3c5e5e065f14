import { ADMIN_LIMITS } from '../admin/server.js';
import { hardBound } from '../edge/connections.js';
import type { Logger } from '../observability/logging.js';

/** What the process needs for itself: files, the log, name look-ups, addresses to listen on. At rest it has some 25 open. */
const OWN = 48;

/** The admin address's share of all, and its least. */
const ADMIN_SHARE = 1 / 16;
const ADMIN_LEAST = 8;

/** Who may have how many file descriptors. */
export interface DescriptorPlan {
  /** Connections of apps that are served; those that are taken to be told no come on top. */
  readonly apps: number;
  /** Connections to upstreams, idle ones included. Infinity where descriptors don't bound them. */
  readonly upstreams: number;
  /** Connections to the admin address. */
  readonly admin: number;
}

/**
 * Shares file descriptors out, so that they can't run out: a process out of them could not refuse anybody, since the system
 * accepts and closes connections itself, and nothing hears of it. There is one for a connection of an app and one for the call
 * that comes over it; hedges, and connections that are kept idle, have what is left.
 *
 * @param maxConnections `limits.maxConnections`
 * @param descriptors how many the process may have
 */
export function descriptorPlan(maxConnections: number, descriptors: number): DescriptorPlan {
  const admin = Math.min(ADMIN_LIMITS.maxConnections, Math.max(ADMIN_LEAST, Math.floor(descriptors * ADMIN_SHARE)));
  const left = descriptors - OWN - admin;
  let apps = Math.max(1, Math.min(maxConnections, Math.floor(left / 2)));
  while (apps > 1 && hardBound(apps) + apps > left) apps--;
  return { apps, upstreams: Math.max(1, left - hardBound(apps)), admin };
}

/** How many descriptors `limits.maxConnections` asks for: the fewest with which as many apps are served. */
export function descriptorsFor(maxConnections: number): number {
  let [low, high] = [1, 1];
  while (descriptorPlan(maxConnections, high).apps < maxConnections) [low, high] = [high, high * 2];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (descriptorPlan(maxConnections, middle).apps < maxConnections) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Logs that fewer apps' connections are served than `limits.maxConnections` allows, with the remedy; where that is so.
 *
 * @param descriptors how many the process may have; undefined: any number
 */
export function tellShortage(
  { apps }: DescriptorPlan,
  maxConnections: number,
  descriptors: number | undefined,
  logger: Logger,
): void {
  if (apps >= maxConnections) return;
  logger.warn(
    {
      descriptors,
      maxConnections: apps,
      suggestion: `allow ${descriptorsFor(maxConnections)}: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of docker; or lower limits.maxConnections`,
    },
    'fewer connections than limits.maxConnections: too few file descriptors',
  );
}
