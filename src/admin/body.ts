import type { IncomingMessage } from 'node:http';
import type { Static, TObject } from '@sinclair/typebox';
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

/** What the schemas of bodies say of a field: they are objects of scalars. */
interface FieldSchema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/**
 * Returns the value as its schema's type. Throws a RefusedError with everything that is wrong with it. A test holds it
 * against a validator for JSON Schemas in general, which would be much to load for three bodies.
 */
export function checked<Schema extends TObject>(schema: Schema, value: unknown): Static<Schema> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid([{ path: '', message: 'the body must be a JSON object' }]);
  }
  const given = Object.entries(value);
  const errors = given.flatMap(([path, field]): FieldError[] => {
    const own: FieldSchema | undefined = Object.hasOwn(schema.properties, path) ? schema.properties[path] : undefined;
    if (own === undefined) return [{ path, message: 'is not known here' }];
    if (isAllowed(field, own)) return [];
    const found = JSON.stringify(field).slice(0, MAX_ECHO);
    return [{ path, message: `found ${found}; allowed: ${own.description ?? ''}` }];
  });
  for (const path of schema.required ?? []) {
    if (!Object.hasOwn(value, path)) errors.push({ path, message: 'is missing' });
  }
  if (errors.length > 0) throw invalid(errors);
  return value as Static<Schema>;
}

function isAllowed(value: unknown, schema: FieldSchema): boolean {
  if (typeof value !== schema.type || schema.enum?.includes(value) === false) return false;
  if (typeof value !== 'string') return true;
  // JSON Schema counts characters of Unicode.
  const { length } = Array.from(value);
  if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? Infinity)) return false;
  return schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(value);
}

/** Values that are of the right type and yet can not be taken. */
export function invalid(errors: readonly FieldError[]): RefusedError {
  const detail = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  return new RefusedError({ status: 422, code: 'invalid', detail, errors });
}
