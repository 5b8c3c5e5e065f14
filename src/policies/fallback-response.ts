import type { FallbackAnswerer } from './fallback-call.js';
import type { StaticResponseOptions } from './fallback.js';
import { LocalController } from './pass-through.js';

/** The step that always answers: a fixed response. */
export function staticResponse(options: StaticResponseOptions): FallbackAnswerer {
  const body = Buffer.from(options.body ?? '');
  const headers = { ...options.headers };
  const empty = options.status === 204 || options.status === 304;
  const named = Object.keys(headers).some((name) => name.toLowerCase() === 'content-length');
  if (!empty && !named) headers['content-length'] = String(body.length);
  const rawHeaders = Object.entries(headers).flat();
  return {
    kind: 'response',
    start({ call }, outcome) {
      const handler = outcome.answers();
      const controller = new LocalController(rawHeaders);
      handler.onResponseStart?.(controller, options.status, headers);
      if (!empty && call.method !== 'HEAD' && body.length > 0) handler.onResponseData?.(controller, body);
      handler.onResponseEnd?.(controller, {});
    },
  };
}
