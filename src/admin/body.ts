import type { IncomingMessage } from 'node:http';
import type { Static, TSchema } from '@sinclair/typebox';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { RefusedError, type FieldError } from './problem.js';

/** No change needs more, in bytes. */
export const MAX_BODY_BYTES = 16 * 1024;

/** What is said again of a wrong value, in characters. */
const MAX_ECHO = 100;

/** Reads a JSON body; undefined if there is none. Throws a RefusedError for one that is too large or malformed. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = (await readBytes(request)).toString('utf8');
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new RefusedError({ status: 400, code: 'malformed-json', detail: 'The body is not JSON.' });
  }
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // To leave the loop must not close the connection: the answer goes over it.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) break;
      chunks.push(chunk);
    }
  } catch {
    throw new RefusedError({ status: 400, code: 'bad-request', detail: 'The body broke off.' });
  }
  if (size <= MAX_BODY_BYTES) return Buffer.concat(chunks);
  const detail = `A body has ${MAX_BODY_BYTES} bytes at most.`;
  // What else is sent is not read.
  throw new RefusedError({ status: 413, code: 'body-too-large', detail, headers: { connection: 'close' } });
}

/** Compiled when first needed: most processes are never changed by hand. */
const checks = new Map<TSchema, ValidateFunction>();
let ajv: Ajv | undefined;

/** Returns the value as its schema's type. Throws a RefusedError with everything that is wrong with it. */
export function checked<Schema extends TSchema>(schema: Schema, value: unknown): Static<Schema> {
  const check = checkOf(schema);
  if (check(value)) return value;
  throw invalid((check.errors ?? []).map(fieldError));
}

/** Values that are of the right type and yet can not be taken. */
export function invalid(errors: readonly FieldError[]): RefusedError {
  const detail = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  return new RefusedError({ status: 422, code: 'invalid', detail, errors });
}

function checkOf(schema: TSchema): ValidateFunction {
  let check = checks.get(schema);
  if (check === undefined) {
    // Not strict: schemas bear annotations of ours. `verbose` gives errors the schema that speaks of them.
    ajv ??= new Ajv({ allErrors: true, strict: false, verbose: true, logger: false, code: { optimize: false } });
    check = ajv.compile(schema);
    checks.set(schema, check);
  }
  return check;
}

function fieldError(error: ErrorObject): FieldError {
  const path = error.instancePath.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
  switch (error.keyword) {
    case 'required':
      return { path: String(error.params.missingProperty), message: 'is missing' };
    case 'additionalProperties':
      return { path: String(error.params.additionalProperty), message: 'is not known here' };
    default: {
      if (path === '') return { path, message: 'the body must be a JSON object' };
      const { description } = error.parentSchema as { readonly description?: string };
      const found = JSON.stringify(error.data).slice(0, MAX_ECHO);
      return { path, message: `found ${found}; allowed: ${description ?? error.message ?? ''}` };
    }
  }
}
