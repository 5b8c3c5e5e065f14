import { OutriggerError } from '../../errors.js';
import { headerEntries } from '../../policies/call-context.js';
import type { CallOptions } from '../../policies/policy.js';
import { fieldName, isFieldValue, isMethod, isTarget } from './syntax.js';

/** A request that would not be the one that was meant: nothing of it is sent. */
export function unsendable(what: string): OutriggerError {
  return new OutriggerError('bad-request', `the request cannot be sent on: ${what}`);
}

/** Methods whose requests say so when they have no content (RFC 9110, 8.6). */
const EXPECTS_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

const DIGITS = /^\d{1,15}$/;

/** A request's head as it goes on the wire, and how much content is to follow. */
export interface RequestHead {
  /** In latin1, with the empty line that ends it. */
  readonly text: string;
  /** Bytes; undefined: chunks, for content whose length nobody knows. */
  readonly contentLength: number | undefined;
}

/**
 * Writes a request's head (RFC 9112, 3 and 6.1). What frames the message is written here and nowhere else.
 *
 * @param host for the Host header where the options have none
 * @param bodyLength bytes; 0: no content; undefined: it is not known beforehand
 * @throws OutriggerError `bad-request` where something is not fit to be sent
 */
export function requestHead(opts: CallOptions, host: string, bodyLength: number | undefined): RequestHead {
  const { method, path, headers, upgrade } = opts;
  if (!isMethod(method)) throw unsendable('the method is not a token');
  if (!isTarget(path)) throw unsendable('the path has a character that none may have');
  const fields = new RequestFields();
  if (Array.isArray(headers) && typeof headers[0] !== 'object') {
    for (let i = 0; i + 1 < headers.length; i += 2) fields.add(String(headers[i]), String(headers[i + 1]));
  } else {
    for (const [name, value] of headerEntries(headers)) fields.add(name, value);
  }
  const contentLength = fields.contentLength(bodyLength);
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${fields.host ?? host}\r\n`;
  text += typeof upgrade === 'string' ? `connection: upgrade\r\nupgrade: ${upgrade}\r\n` : 'connection: keep-alive\r\n';
  text += fields.text;
  if (contentLength === undefined) text += 'transfer-encoding: chunked\r\n';
  else if (contentLength > 0 || EXPECTS_CONTENT.has(method)) text += `content-length: ${contentLength}\r\n`;
  return { text: `${text}\r\n`, contentLength };
}

class RequestFields {
  text = '';
  host: string | undefined;
  #contentLength: string | undefined;

  add(name: string, value: string): void {
    const lower = fieldName(name);
    if (lower === undefined) throw unsendable('the name of a header has a character that none may have');
    if (!isFieldValue(value)) throw unsendable(`the header ${lower} has a character that none may have`);
    switch (lower) {
      case 'connection':
      case 'keep-alive':
      case 'upgrade':
      case 'transfer-encoding':
      case 'expect':
        throw unsendable(`the header ${lower} is this connection's own`);
      case 'content-length':
        if (this.#contentLength !== undefined) throw unsendable('it has two Content-Length headers');
        this.#contentLength = value;
        return;
      case 'host':
        if (this.host !== undefined) throw unsendable('it has two Host headers');
        this.host = value;
        return;
    }
    this.text += `${name}: ${value}\r\n`;
  }

  /** What is announced and what is there must be the same. */
  contentLength(bodyLength: number | undefined): number | undefined {
    const announced = this.#contentLength;
    if (announced === undefined) return bodyLength;
    if (!DIGITS.test(announced)) throw unsendable('its Content-Length is not a number');
    const length = Number(announced);
    if (bodyLength !== undefined && bodyLength !== length)
      throw unsendable('its Content-Length is not that of its body');
    return length;
  }
}
