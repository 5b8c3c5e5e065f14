import { OutriggerError, type ErrorReason } from '../../errors.js';
import type { ResultClass } from '../events.js';

/** The class of an answered attempt. Below 500 is fine or permanent; only 429 asks to come again. */
export function statusClass(status: number): ResultClass {
  if (status < 500) return status === 429 ? '429' : 'success';
  switch (status) {
    case 500:
      return '500';
    case 502:
      return '502';
    case 503:
      return '503';
    case 504:
      return '504';
    default:
      return '5xx';
  }
}

/** The class of an attempt, or a call, that ended in an error. */
export function errorClass(error: OutriggerError): ResultClass {
  switch (error.code) {
    case 'connect-failure':
    case 'reset':
    case 'timeout':
    case 'bad-response':
    case 'deadline':
    case 'client-gone':
    case 'cancelled':
    case 'circuit-open':
    case 'overload':
    case 'rate-limited':
      return error.code;
    // The process's own bounds are as good a reason as the upstream's not to try again, nor to blame it.
    case 'shedding':
      return 'overload';
    default:
      return 'internal';
  }
}

/** Refused here: nothing was sent, nothing is retried, and no upstream is to blame. */
export function isLocalRefusal(result: ResultClass): result is 'circuit-open' | 'overload' | 'rate-limited' {
  return result === 'circuit-open' || result === 'overload' || result === 'rate-limited';
}

/** Where an attempt was when it failed: nothing sent yet, sent without an answer, or in the middle of the answer. */
export type AttemptPhase = 'unsent' | 'sent' | 'answered';

const DNS_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME', 'ENODATA']);
const UNROUTABLE_CODES = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ENETDOWN', 'EHOSTDOWN']);
/** This process, or this machine, has as many files open as it may. */
const DESCRIPTOR_CODES = new Set(['EMFILE', 'ENFILE']);
const TIMEOUT_CODES = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);
const INVALID_CODES = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'ERR_INVALID_CHAR',
]);
const CERTIFICATE_CODES =
  /^(CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/;
const TLS_CODES = /^(ERR_SSL_|ERR_TLS_|EPROTO)/;

/** What an attempt's raw failure means. An error of ours is passed as it is. */
export function classifyFailure(error: unknown, phase: AttemptPhase): OutriggerError {
  if (error instanceof OutriggerError) return error;
  const code = codeOf(error);
  if (INVALID_CODES.has(code)) {
    return new OutriggerError('bad-request', `the request cannot be sent on: ${messageOf(error)}`, { cause: error });
  }
  switch (phase) {
    case 'unsent':
      return connectFailure(error, code);
    case 'sent':
      return sentFailure(error, code);
    case 'answered':
      return code === 'UND_ERR_BODY_TIMEOUT'
        ? new OutriggerError('bad-response', 'the response stalled', { cause: error, reason: 'idle' })
        : new OutriggerError('bad-response', 'the response broke off', { cause: error, reason: 'body' });
  }
}

function connectFailure(error: unknown, code: string): OutriggerError {
  if (DESCRIPTOR_CODES.has(code)) {
    return noDescriptor(error);
  }
  const reason = connectFailureReason(code);
  return new OutriggerError('connect-failure', CONNECT_MESSAGES[reason], { cause: error, reason });
}

/** No connection can be made: descriptors have run out, or would. */
export function noDescriptor(cause?: unknown): OutriggerError {
  return new OutriggerError('shedding', 'no file descriptor is left for a connection', {
    reason: 'descriptors',
    ...(cause === undefined ? {} : { cause }),
  });
}

type ConnectReason = Extract<
  ErrorReason,
  'refused' | 'dns' | 'unroutable' | 'connect-timeout' | 'tls' | 'tls-certificate' | 'closed'
>;

const CONNECT_MESSAGES: Readonly<Record<ConnectReason, string>> = {
  refused: 'the connection was refused',
  dns: 'the name could not be resolved',
  unroutable: 'the address cannot be reached',
  'connect-timeout': 'connecting took too long',
  tls: 'the TLS handshake failed',
  'tls-certificate': "the upstream's certificate was not accepted",
  closed: 'the connection was closed before anything was sent',
};

function connectFailureReason(code: string): ConnectReason {
  if (TIMEOUT_CODES.has(code)) return 'connect-timeout';
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'refused';
  if (DNS_CODES.has(code)) return 'dns';
  if (UNROUTABLE_CODES.has(code)) return 'unroutable';
  if (CERTIFICATE_CODES.test(code)) return 'tls-certificate';
  if (TLS_CODES.test(code)) return 'tls';
  return 'closed';
}

function sentFailure(error: unknown, code: string): OutriggerError {
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    return new OutriggerError('timeout', 'no answer in time', { cause: error });
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new OutriggerError('bad-response', "the response's head is too large", {
      cause: error,
      reason: 'headers-too-large',
    });
  }
  // undici leaves the parser's code out, so its name has to do.
  const malformed =
    code.startsWith('HPE_') ||
    (error instanceof Error && error.name === 'HTTPParserError') ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' ||
    (code === 'UND_ERR_SOCKET' && /^bad (response|upgrade)/.test(messageOf(error)));
  return malformed
    ? new OutriggerError('bad-response', 'the response is not valid HTTP', { cause: error, reason: 'protocol' })
    : new OutriggerError('reset', 'the connection broke before the answer', { cause: error, reason: 'closed' });
}

function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
