import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from '../../../src/cli/command.js';
import { adminAddress, listenAddresses, policyFile } from '../../../src/cli/settings.js';

describe('settings', () => {
  test('the file: flag, environment, default', () => {
    const env = { OUTRIGGER_CONFIG: 'env.yaml' };
    assert.equal(policyFile({ config: 'flag.yaml' }, env), 'flag.yaml');
    assert.equal(policyFile({}, env), 'env.yaml');
    assert.equal(policyFile({}, { OUTRIGGER_CONFIG: '' }), 'config/outrigger.yaml');
  });

  test('where calls are taken: flag, environment, the file', () => {
    const env = { OUTRIGGER_LISTEN: '127.0.0.1:1, unix:/run/o.sock' };
    assert.deepEqual(listenAddresses({ listen: ':2' }, env), [{ kind: 'tcp', host: undefined, port: 2 }]);
    assert.deepEqual(listenAddresses({}, env), [
      { kind: 'tcp', host: '127.0.0.1', port: 1 },
      { kind: 'unix', path: '/run/o.sock' },
    ]);
    assert.equal(listenAddresses({}, {}), undefined);
  });

  test('the admin address: flag, environment, the file', () => {
    const env = { OUTRIGGER_ADMIN_LISTEN: '[::1]:9' };
    assert.deepEqual(adminAddress({ 'admin-listen': ':8' }, env), { kind: 'tcp', host: undefined, port: 8 });
    assert.deepEqual(adminAddress({}, env), { kind: 'tcp', host: '::1', port: 9 });
    assert.equal(adminAddress({}, {}), undefined);
  });

  test('what is no address is named with where it came from', () => {
    assert.throws(
      () => adminAddress({}, { OUTRIGGER_ADMIN_LISTEN: '9901' }),
      new UsageError("OUTRIGGER_ADMIN_LISTEN: '9901' is no address: host:port, :port or unix:/path"),
    );
    assert.throws(() => listenAddresses({ listen: 'x' }, {}), /^UsageError: --listen: 'x' is no address/);
  });
});
