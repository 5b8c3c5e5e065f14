import { isSecretName } from '../policies/rules/secret-names.js';
import type { Config } from './config.js';
import type { ConfigNode, PathStep, ScalarNode, ScalarValue } from './nodes.js';

/** What stands in the place of a secret. */
export const HIDDEN = '***';

/**
 * The config in force as plain values, for people to read: without the admin token, TLS keys, user information in URLs,
 * whatever came from `${…}`, and headers that log.redact names or whose name says that they are secret.
 */
export function redactedConfig(config: Config): unknown {
  const show = (node: ConfigNode, path: readonly PathStep[]): unknown => {
    if (node.kind === 'list') return node.items.map((item, index) => show(item, [...path, index]));
    if (node.kind === 'map') {
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, show(value, [...path, key])]));
    }
    return node.template !== undefined ? HIDDEN : redactedValue(config, node, path);
  };
  return show(config.effective, []);
}

/** A value as people may see it; `path` is the whole one. What came from `${…}` is for the caller to judge. */
export function redactedValue({ log }: Config, node: ScalarNode, path: readonly PathStep[]): ScalarValue {
  if (isSecret(path, log.redact)) return HIDDEN;
  return typeof node.value === 'string' ? withoutUserInfo(node.value) : node.value;
}

function isSecret(path: readonly PathStep[], secretHeaders: readonly string[]): boolean {
  const key = path.at(-1);
  const parent = path.at(-2);
  if (typeof key !== 'string') return false;
  if (parent === 'admin') return key === 'token';
  if (parent === 'tls') return key === 'key';
  // Whatever a collector calls it, that is what it knows us by.
  if (path[0] === 'tracing' && parent === 'headers') return true;
  // The maps that hold headers' values: match.headers, response.headers, requestHeaders.set, responseHeaders.set.
  const holdsHeaders = path[0] === 'routes' && (parent === 'headers' || parent === 'set');
  return holdsHeaders && isSecretHeader(key, secretHeaders);
}

/** Whether nobody should see a header's value; the name in lower case. `redact` is `log.redact`. */
export function isSecretHeader(name: string, redact: readonly string[]): boolean {
  return redact.includes(name) || isSecretName(name);
}

/** A password may have an @ of its own. */
function withoutUserInfo(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${HIDDEN}@`);
}
