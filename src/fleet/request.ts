import type { ResolvedRoute } from '../config/config.js';
import type { AppRequest } from '../simulation/sidecar.js';

/**
 * A call that takes the route: a GET, or the first method that it takes; then with the header that allows a retry, if one
 * does. A part of the path or the host that may be anything is `simulated`.
 */
export function requestFor({ match, retry }: ResolvedRoute): AppRequest {
  const { host = 'localhost', path = '/', methods, headers } = match;
  const method = methods === undefined || methods.includes('GET') ? 'GET' : (methods[0] ?? 'GET');
  const key = retry === false || retry.methods.includes(method) ? undefined : retry.idempotencyKeys[0];
  return {
    method,
    path: path.replace(/\*$/, 'simulated'),
    headers: {
      host: host.replace(/^\*/, 'simulated'),
      ...headers,
      ...(key === undefined ? {} : { [key.toLowerCase()]: 'simulated' }),
    },
  };
}
