import { OutriggerError } from '../../errors.js';
import { fieldName } from './syntax.js';

/** How the end of a body is told (RFC 9112, 6.3). */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** Where the body of an answer ends, and what becomes of its connection. */
export interface FramingOfHead {
  readonly framing: Framing;
  /** Bytes of the body where `framing` is `length`. */
  readonly length: number;
  /** Whether fields speak of a body where there can be none: in answers to HEAD, in 204 and 304. */
  readonly promisesBody: boolean;
  /** Whether the connection may be used again. */
  readonly persistent: boolean;
  /** How long the server says that it keeps an idle connection, in milliseconds, if it does. */
  readonly keepAliveMs: number | undefined;
}

/** The head of an answer. */
export interface ResponseHead extends FramingOfHead {
  readonly status: number;
  readonly statusText: string;
  /** Names and values as they came, [name, value, …]; bytes beyond ASCII as latin1. */
  readonly rawHeaders: string[];
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/;
const DIGITS = /^\d{1,15}$/;
/** Nothing of it may be in a head, and CR and LF only as a pair: what one reader takes for a line's end, another must. */
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/;

/** An answer that breaks the rules of HTTP/1.1. */
export function badResponse(what: string): OutriggerError {
  return new OutriggerError('bad-response', `the response is not valid HTTP: ${what}`, { reason: 'protocol' });
}

/**
 * Reads a head (RFC 9112, 4 to 6). It is strict where two readers could see different messages: framing that is doubtful or
 * doubled is refused, never repaired. Folded lines are unfolded (5.2).
 *
 * @param text the head as latin1, without the empty line that ends it
 * @param method of the request that it answers
 * @throws OutriggerError `bad-response`
 */
export function parseResponseHead(text: string, method: string): ResponseHead {
  const end = lineEnd(text, 0);
  const [, minor, digits, statusText = ''] = STATUS_LINE.exec(text.slice(0, end)) ?? [];
  if (digits === undefined) throw badResponse('its status line is malformed');
  const fields = new FramingFields();
  const rawHeaders = parseFields(text, end, 'header', fields);
  const status = Number(digits);
  const { framing, length, promisesBody, persistent, keepAliveMs } = fields.read(status, method, minor === '1');
  return { status, statusText, rawHeaders, framing, length, promisesBody, persistent, keepAliveMs };
}

/**
 * Reads lines of fields, [name, value, …].
 *
 * @param from where the line before the first one ends
 * @param framing what is told of fields that frame the message
 * @throws OutriggerError `bad-response`
 */
export function parseFields(text: string, from: number, what: 'header' | 'trailer', framing?: FramingFields): string[] {
  if (FORBIDDEN.test(text)) throw badResponse(`a ${what} has control characters`);
  const fields: string[] = [];
  let end = from;
  while (end < text.length) {
    const start = end + 2;
    end = lineEnd(text, start);
    if (isBlank(text.charCodeAt(start))) {
      unfold(fields, text.slice(start, end));
      continue;
    }
    const colon = text.indexOf(':', start);
    if (colon === -1 || colon >= end) throw badResponse(`a ${what} has no colon`);
    const name = text.slice(start, colon);
    const lower = fieldName(name);
    if (lower === undefined) throw badResponse(`the name of a ${what} has a character that none may have`);
    const value = trimmed(text, colon + 1, end);
    fields.push(name, value);
    framing?.take(lower, value);
  }
  return fields;
}

const SPACE = 0x20;
const TAB = 0x09;

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\r\n', from);
  return end === -1 ? text.length : end;
}

/** The value between the optional white space around it. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** A line that goes on where the one before it ended: one space stands for the break. */
function unfold(fields: string[], line: string): void {
  const last = fields.length - 1;
  if (last < 0) throw badResponse('its head begins with a folded line');
  const name = fields[last - 1]!.toLowerCase();
  if (name === 'content-length' || name === 'transfer-encoding') throw badResponse(`${name} is folded`);
  fields[last] = `${fields[last]!} ${line.trim()}`.trim();
}

/** The headers that say where the message ends and what becomes of the connection. */
class FramingFields {
  #length: string | undefined;
  #coding: string | undefined;
  #connection: string | undefined;
  #keepAlive: string | undefined;

  take(name: string, value: string): void {
    switch (name) {
      case 'content-length':
        if (this.#length !== undefined) throw badResponse('it has two Content-Length headers');
        if (!DIGITS.test(value)) throw badResponse('its Content-Length is not a number');
        this.#length = value;
        break;
      case 'transfer-encoding':
        if (this.#coding !== undefined) throw badResponse('it has two Transfer-Encoding headers');
        this.#coding = value.toLowerCase();
        break;
      case 'connection':
        this.#connection = this.#connection === undefined ? value : `${this.#connection},${value}`;
        break;
      case 'keep-alive':
        this.#keepAlive = value;
        break;
    }
  }

  /** Where the body ends, and whether the connection may go on. @throws OutriggerError `bad-response` */
  read(status: number, method: string, isHttp11: boolean): FramingOfHead {
    const framing = this.#framing(status, method, isHttp11);
    const persistent = isHttp11 ? !this.#hasOption('close') : this.#hasOption('keep-alive');
    return {
      framing,
      length: framing === 'length' ? Number(this.#length) : 0,
      promisesBody: framing === 'none' && (this.#coding !== undefined || Number(this.#length ?? 0) > 0),
      persistent: persistent && framing !== 'close',
      keepAliveMs: this.#keepAliveMs(),
    };
  }

  #framing(status: number, method: string, isHttp11: boolean): Framing {
    if (this.#coding !== undefined) {
      // Both are an attempt at smuggling, or a gateway's mistake that ends the same way (6.3).
      if (this.#length !== undefined) throw badResponse('it has both Content-Length and Transfer-Encoding');
      if (!isHttp11) throw badResponse('HTTP/1.0 has no Transfer-Encoding');
      // How to undo another coding is said by a header of this connection, which does not go on.
      if (this.#coding !== 'chunked') throw badResponse('its transfer coding is not chunked alone');
    }
    if (status < 200 || status === 204 || status === 304 || method === 'HEAD') return 'none';
    if (this.#coding !== undefined) return 'chunked';
    if (this.#length === undefined) return 'close';
    return Number(this.#length) === 0 ? 'none' : 'length';
  }

  #hasOption(option: string): boolean {
    const list = this.#connection?.toLowerCase();
    if (list === undefined || list === 'keep-alive') return list === option;
    return list.split(',').some((one) => one.trim() === option);
  }

  #keepAliveMs(): number | undefined {
    if (this.#keepAlive === undefined) return undefined;
    const seconds = /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,9})/i.exec(this.#keepAlive)?.[1];
    return seconds === undefined ? undefined : Number(seconds) * 1_000;
  }
}
