import type { Address } from './addresses.js';
import type { Config } from './config.js';
import type { Issues } from './issues.js';
import { nodeAt, type PathStep } from './nodes.js';

/** An upstream that is Outrigger itself: a call goes round in circles, or gets to what is the operator's alone. */
export function warnOwnAddresses(config: Config, issues: Issues): void {
  for (const [name, { endpoints }] of config.upstreams) {
    const single = nodeAt(config.effective, 'upstreams', name, 'url') !== undefined;
    for (const [index, endpoint] of endpoints.entries()) {
      const path: readonly PathStep[] = ['upstreams', name, ...(single ? ['url'] : ['endpoints', index])];
      const say = (message: string) => {
        issues.add(nodeAt(config.effective, ...path)?.offset, path, message, 'write the address of the service itself');
      };
      if (leadsTo(endpoint, config.admin.listen)) {
        say(`${endpoint} is admin.listen: calls get to the API as from the loopback`);
      } else if (config.listen.some((address) => leadsTo(endpoint, address))) {
        say(`${endpoint} is where calls are taken: they go round until they are refused as a loop`);
      }
    }
  }
}

/** Whether a connection to an origin on this machine ends at a listener. Other names that lead here are not looked up. */
function leadsTo(origin: string, address: Address): boolean {
  const { protocol, hostname, port } = new URL(origin);
  if (address.kind !== 'tcp' || protocol !== 'http:' || Number(port || 80) !== address.port) return false;
  const to = hostname.replace(/^\[|\]$/g, '');
  const { host = '0.0.0.0' } = address;
  if (isLocal(to)) return isLocal(host) || host === '0.0.0.0' || host === '::';
  return to === host.toLowerCase();
}

function isLocal(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host.startsWith('127.') || host === '::1' || host === '0.0.0.0';
}
