import { OutriggerError, type ErrorReason } from '../errors.js';

/** What Node and its parser, llhttp, call what they can't read, and what we call it. All else is `syntax`. */
const REASONS: Readonly<Partial<Record<string, readonly [reason: ErrorReason, what: string]>>> = {
  HPE_INVALID_METHOD: ['request-line', 'the request line is not valid'],
  HPE_INVALID_URL: ['request-line', 'the request target is not valid'],
  HPE_INVALID_CONSTANT: ['request-line', 'the request line is not valid'],
  HPE_INVALID_VERSION: ['request-line', 'the HTTP version is not valid'],
  HPE_PAUSED_H2_UPGRADE: ['request-line', 'HTTP/2 is not understood'],
  HPE_INVALID_HEADER_TOKEN: ['header', 'a header is not valid'],
  HPE_CR_EXPECTED: ['header', 'a line ends without CR'],
  HPE_LF_EXPECTED: ['header', 'a line ends without LF'],
  HPE_INVALID_CONTENT_LENGTH: ['framing', 'the Content-Length is not valid'],
  HPE_UNEXPECTED_CONTENT_LENGTH: ['framing', 'the Content-Length is not valid'],
  HPE_INVALID_TRANSFER_ENCODING: ['framing', 'the Transfer-Encoding is not valid'],
  HPE_INVALID_CHUNK_SIZE: ['chunk', 'a chunk of the body is not valid'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['chunk', 'the extensions of chunks are too large'],
  HPE_STRICT: ['chunk', 'a chunk of the body is not valid'],
  HPE_HEADER_OVERFLOW: ['headers-too-large', 'the request head is too large'],
  HPE_CLOSED_CONNECTION: ['syntax', 'something came behind the last request'],
  HPE_INVALID_EOF_STATE: ['incomplete', 'the request ended in the middle'],
  ERR_HTTP_REQUEST_TIMEOUT: ['head-stalled', 'the request head took too long'],
};

/** What was wrong with the bytes that a client sent, by the error that Node made of them; undefined if the connection failed. */
export function unreadable(error: NodeJS.ErrnoException): OutriggerError | undefined {
  const code = error.code ?? '';
  if (!/^(?:HPE_|ERR_HTTP_)/.test(code)) return undefined;
  const [reason, what] = REASONS[code] ?? ['syntax', 'the request is not valid HTTP'];
  return new OutriggerError('bad-request', what, { reason, cause: error });
}
