import { RetryOptions } from '../policies/retry.js';
import { parseSize } from '../policies/rules/units.js';
import type { ResolvedRoute } from './config.js';

/**
 * Bytes of a request body that are kept. In shadow mode nothing is repeated, so nothing is kept: the app sees what it would
 * see without retries. A fallback upstream repeats too.
 */
export function keptBodySize({ retry, fallback }: ResolvedRoute): number {
  const retries = retry !== false && retry.mode === 'enforce';
  const elsewhere = fallback !== false && fallback.steps.some((step) => 'upstream' in step);
  if (!retries && !elsewhere) return 0;
  return parseSize(retry === false ? String(RetryOptions.properties.maxBodySize.default) : retry.maxBodySize);
}
