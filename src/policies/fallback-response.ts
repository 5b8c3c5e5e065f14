import { Type, type Static } from '@sinclair/typebox';
import type { FallbackAnswerer } from './fallback-step.js';
import { LocalController } from './pass-through.js';
import { headerMap, integer } from './rules/option-types.js';

/** A fixed answer. The policy finds its body in `body`: the config reads `bodyFile` and puts the bytes there. */
export const StaticResponseOptions = Type.Object(
  {
    status: integer(200, 'The status.', { minimum: 200, maximum: 599 }),
    headers: headerMap({ 'content-type': 'application/json' }, 'The headers.'),
    body: Type.Optional(Type.Unsafe<string | Uint8Array>({ description: 'The body.', type: 'string', unit: 'text' })),
    bodyFile: Type.Optional(
      Type.String({
        description: 'A file with the body, from the folder of the policy file.',
        unit: 'file',
        minLength: 1,
      }),
    ),
  },
  { additionalProperties: false, description: 'Gives a fixed answer.' },
);
export type StaticResponseOptions = Static<typeof StaticResponseOptions>;

/** Statuses whose answers have no content (RFC 9110, 15.3.5, 15.3.6, 15.4.5). */
const EMPTY = new Set([204, 205, 304]);

/** How an answer is framed is ours to say. */
const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'trailer', 'upgrade']);

/** The step that always answers: a fixed response. */
export function staticResponse(options: StaticResponseOptions): FallbackAnswerer {
  const { status } = options;
  const body = EMPTY.has(status) ? Buffer.alloc(0) : Buffer.from(options.body ?? '');
  const headers = Object.fromEntries(
    Object.entries(options.headers).filter(([name]) => !FRAMING.has(name.toLowerCase())),
  );
  if (status !== 204 && status !== 304) headers['content-length'] = String(body.length);
  const rawHeaders = Object.entries(headers).flat();
  return {
    kind: 'response',
    start({ call }, outcome) {
      const handler = outcome.answers();
      const controller = new LocalController(rawHeaders);
      handler.onResponseStart?.(controller, status, headers);
      if (call.method !== 'HEAD' && body.length > 0) handler.onResponseData?.(controller, body);
      handler.onResponseEnd?.(controller, {});
    },
  };
}
