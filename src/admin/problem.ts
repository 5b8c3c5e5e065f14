import type { FastifyReply } from 'fastify';

/** Something that is wrong with one field of a body, or with one place of the policy file. */
export interface FieldError {
  /** The field's name, or the key's path; empty for the whole. */
  readonly path: string;
  /** What was found and what is allowed. */
  readonly message: string;
  /** Where it stands in the policy file. */
  readonly file?: string;
  /** From 1, as `column`. */
  readonly line?: number;
  readonly column?: number;
  /** What to write instead. */
  readonly suggestion?: string | undefined;
}

/** Why a request of the operator is not answered as asked. */
export interface Refusal {
  readonly status: number;
  /** Stable. */
  readonly code: string;
  /** For people; may change. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly FieldError[];
  /** The log has it already, better than by status and code. */
  readonly logged?: boolean;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

/** A problem document (RFC 9457), as on the calls' side. */
function problemText({ status, code, detail, errors }: Refusal): string {
  const type = `urn:outrigger:problem:${code}`;
  return JSON.stringify({ type, title: TITLES[status] ?? 'Error', status, detail, code, errors });
}

/** Answers with a problem document; as bytes, since Fastify adds a charset to text. */
export function sendProblem(reply: FastifyReply, refusal: Refusal): FastifyReply {
  return reply
    .code(refusal.status)
    .headers({ ...refusal.headers, 'content-type': 'application/problem+json' })
    .send(Buffer.from(problemText(refusal)));
}

/** The same as the bytes of a whole answer, for a connection on which nothing was understood. */
export function problemBytes(refusal: Refusal): string {
  const body = problemText(refusal);
  return [
    `HTTP/1.1 ${refusal.status} ${TITLES[refusal.status] ?? 'Error'}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}

/** A request that is refused, from wherever that is found out. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}
