import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redactedConfig } from '../../../src/config/redact.js';
import { load, policyFile } from '../../support/policy-file.js';

test('secrets are not shown: the token, variables, headers that are secret by name or by log.redact', () => {
  const text = policyFile({
    root: 'admin: { token: hunter2 }\nlog: { redact: [x-private] }',
    upstream: 'connectTimeout: ${T:-2s}',
    route: `requestHeaders:
  set:
    x-api-key: hunter2
    Authorization: hunter2
    x-private: hunter2
    x-auth-token: hunter2
    client-secret: hunter2
    x-session-cookie: hunter2
    x-proxy: 'http://u:h@hunter2@proxy'
    x-plain: shown
retry: { idempotencyKeys: [x-key] }`,
  });
  const shown = JSON.stringify(redactedConfig(load(text)));
  assert.doesNotMatch(shown, /hunter2/);
  assert.match(shown, /"connectTimeout":"\*\*\*"/);
  assert.match(shown, /"x-plain":"shown"/);
  assert.match(shown, /"idempotencyKeys":\["x-key"\]/);
  assert.match(shown, /"key":"\{endpoint\}"/);
  assert.match(shown, /"attemptTimeout":"9s"/);
});

test('what a collector is told in headers is not shown, whatever they are called', () => {
  const root = 'tracing: { otlp: "http://collector:4318", headers: { x-honeycomb-team: hunter2 } }';
  const shown = JSON.stringify(redactedConfig(load(policyFile({ root }))));
  assert.doesNotMatch(shown, /hunter2/);
  assert.match(shown, /"otlp":"http:\/\/collector:4318".*"x-honeycomb-team":"\*\*\*"/);
});

test('a TLS key is not shown, a certificate and the key of a circuit are', () => {
  const readFile = () => Buffer.from('');
  const text = policyFile({ upstream: 'tls: { serverName: s }\ncircuitBreaker: { key: "{route}" }' });
  assert.match(JSON.stringify(redactedConfig(load(text, { readFile }))), /"serverName":"s".*"key":"\{route\}"/);
});
