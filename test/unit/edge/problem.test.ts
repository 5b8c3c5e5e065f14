import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { headerOf } from '../../../src/edge/headers.js';
import { problemBytes, problemOf } from '../../../src/edge/problem.js';
import { OutriggerError, type ErrorCode, type ErrorReason } from '../../../src/errors.js';

const CONTEXT = { route: 'charge', upstream: 'payments', attempts: 2 };

/** What the app sees when it is us who answer. */
const TABLE: readonly (readonly [ErrorCode, ErrorReason | undefined, number, string, string | undefined])[] = [
  ['no-route', undefined, 404, 'destination_not_found', undefined],
  ['connect-failure', 'refused', 502, 'connection_refused', undefined],
  ['connect-failure', 'dns', 502, 'dns_error', undefined],
  ['connect-failure', 'tls', 502, 'tls_protocol_error', undefined],
  ['connect-failure', 'tls-certificate', 502, 'tls_certificate_error', undefined],
  ['connect-failure', 'unroutable', 502, 'destination_ip_unroutable', undefined],
  ['connect-failure', 'connect-timeout', 504, 'connection_timeout', undefined],
  ['connect-failure', 'closed', 502, 'destination_unavailable', undefined],
  ['reset', 'closed', 502, 'connection_terminated', undefined],
  ['bad-response', 'protocol', 502, 'http_protocol_error', undefined],
  ['bad-response', 'body', 502, 'http_response_incomplete', undefined],
  ['bad-response', 'headers-too-large', 502, 'http_response_header_section_size', undefined],
  ['timeout', undefined, 504, 'http_response_timeout', undefined],
  ['deadline', undefined, 504, 'http_response_timeout', undefined],
  ['circuit-open', undefined, 503, 'destination_unavailable', '1'],
  ['overload', undefined, 503, 'connection_limit_reached', '1'],
  ['rate-limited', undefined, 429, 'http_request_denied', '1'],
  ['draining', undefined, 503, 'proxy_internal_response', undefined],
  ['shedding', undefined, 503, 'connection_limit_reached', '1'],
  ['loop', undefined, 508, 'proxy_loop_detected', undefined],
  ['bad-request', undefined, 400, 'http_request_error', undefined],
  ['bad-request', 'headers-too-large', 431, 'http_request_error', undefined],
  ['bad-request', 'method', 501, 'http_request_error', undefined],
  ['bad-request', 'body-stalled', 408, 'http_request_error', undefined],
  ['internal', undefined, 502, 'proxy_internal_error', undefined],
];

describe('a problem document', () => {
  for (const [code, reason, status, proxyError, retryAfter] of TABLE) {
    it(`${code}${reason === undefined ? '' : ` (${reason})`}: ${status} ${proxyError}`, () => {
      const problem = problemOf(new OutriggerError(code, 'why', reason === undefined ? {} : { reason }), CONTEXT);
      const body = JSON.parse(problem.body) as Record<string, unknown>;
      assert.equal(problem.status, status);
      assert.equal(headerOf(problem.headers, 'proxy-status'), `outrigger; error=${proxyError}`);
      assert.equal(headerOf(problem.headers, 'retry-after'), retryAfter);
      assert.equal(headerOf(problem.headers, 'content-type'), 'application/problem+json');
      assert.equal(headerOf(problem.headers, 'content-length'), String(Buffer.byteLength(problem.body)));
      assert.deepEqual(Object.keys(body), [
        'type',
        'title',
        'status',
        'detail',
        'code',
        'route',
        'upstream',
        'attempts',
      ]);
      assert.equal(body.status, status);
      assert.equal(body.code, code);
      assert.equal(body.attempts, 2);
      assert.match(String(body.detail), /^[A-Z].*\.$/);
    });
  }

  it('says whose rate limit it was', () => {
    const error = new OutriggerError('rate-limited', 'more calls than the rate limit of the route allows');
    assert.match(problemOf(error, CONTEXT).body, /"detail":"More calls than the rate limit of the route allows\."/);
  });

  it('says when to come again in whole seconds, at least one', () => {
    const after = (retryAfterMs: number) =>
      headerOf(problemOf(new OutriggerError('circuit-open', '', { retryAfterMs }), CONTEXT).headers, 'retry-after');
    assert.deepEqual([0, 1, 1_000, 1_001, 4_200].map(after), ['1', '1', '1', '2', '5']);
  });

  it('tells nothing that a cause knows of the inside', () => {
    const cause = new Error('connect ECONNREFUSED 10.1.2.3:8443');
    const error = new OutriggerError('connect-failure', cause.message, { cause, reason: 'refused' });
    assert.doesNotMatch(problemOf(error, CONTEXT).body, /10\.1\.2\.3/);
    assert.match(problemOf(error, CONTEXT).body, /payments/);
  });

  it('closes the connection where it is of no use any more', () => {
    for (const code of ['draining'] as const) {
      const problem = problemOf(new OutriggerError(code, ''), CONTEXT);
      assert.ok(problem.close);
      assert.equal(headerOf(problem.headers, 'connection'), 'close');
    }
    assert.equal(headerOf(problemOf(new OutriggerError('overload', ''), CONTEXT).headers, 'connection'), undefined);
  });

  it('as bytes is a whole answer that closes, and names no route', () => {
    const text = problemBytes(new OutriggerError('bad-request', 'the request is not valid HTTP'));
    assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.equal(text.match(/connection: close\r\n/g)?.length, 1);
    const [, body] = text.split('\r\n\r\n');
    assert.deepEqual(Object.keys(JSON.parse(body!) as object), [
      'type',
      'title',
      'status',
      'detail',
      'code',
      'attempts',
    ]);
  });
});
