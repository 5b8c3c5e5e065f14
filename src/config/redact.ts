import { isSecretName } from '../policies/rules/secret-names.js';
import type { Config } from './config.js';
import { type ConfigNode, type PathStep } from './nodes.js';

const HIDDEN = '***';

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
    return typeof node.value === 'string' ? withoutUserInfo(node.value) : node.value;
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
  return holdsHeaders && (secretHeaders.has(key) || isSecretName(key));
}

/** A password may have an @ of its own. */
function withoutUserInfo(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${HIDDEN}@`);
}
