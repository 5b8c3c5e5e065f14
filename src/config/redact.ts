import type { Config } from './config.js';
import { type ConfigNode, type PathStep } from './nodes.js';

const HIDDEN = '***';

/** A header whose value is a secret by its name. */
const SECRET_NAME = /key|token|secret|auth/i;

/**
 * The config in force as plain values, for people to read: without the admin token, TLS keys, user information in URLs,
 * whatever came from `${…}`, and headers that log.redact names or whose name says that they are secret.
 */
export function redactedConfig(config: Config): unknown {
  const secretHeaders = new Set(config.log.redact);
  const show = (node: ConfigNode, path: readonly PathStep[]): unknown => {
    if (node.kind === 'list') return node.items.map((item, index) => show(item, [...path, index]));
    if (node.kind === 'map') {
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, show(value, [...path, key])]));
    }
    if (node.template !== undefined || isSecret(path, secretHeaders)) return HIDDEN;
    return typeof node.value === 'string' ? node.value.replace(/^(https?:\/\/)[^/@]*@/, `$1${HIDDEN}@`) : node.value;
  };
  return show(config.effective, []);
}

function isSecret(path: readonly PathStep[], secretHeaders: ReadonlySet<string>): boolean {
  const key = path.at(-1);
  const parent = path.at(-2);
  if (typeof key !== 'string') return false;
  if (parent === 'admin') return key === 'token';
  if (parent === 'tls') return key === 'key';
  // The maps that hold headers' values: match.headers, response.headers, requestHeaders.set, responseHeaders.set.
  const holdsHeaders = path[0] === 'routes' && (parent === 'headers' || parent === 'set');
  return holdsHeaders && (secretHeaders.has(key) || SECRET_NAME.test(key));
}
