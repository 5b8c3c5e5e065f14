import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changesBetween, isNothing, withoutRestart } from '../../../src/app/config-changes.js';
import { nodeAt, toValue } from '../../../src/config/nodes.js';
import { ConfigFileSchema } from '../../../src/config/schema.js';
import { load } from '../../support/policy-file.js';

const file = (routes: string, more = '') =>
  load(`${more}
upstreams: { a: { url: http://a.test }, b: { url: http://b.test } }
routes: [${routes}]
`);

const [ONE, TWO] = ['{ name: one, match: { path: /1 }, upstream: a }', '{ name: two, match: {}, upstream: b }'];

describe('changes between two files', () => {
  test('are none where they say the same, in whatever words', () => {
    const before = file(`${ONE}, ${TWO}`, 'drainTimeout: 25s');
    assert.ok(
      isNothing(changesBetween(before, file(`${ONE}, ${TWO}`, '# no more than a remark\ndrainTimeout: 25000ms'))),
    );
  });

  test('are told by name', () => {
    const three = TWO.replace('two', 'three');
    const { routes, upstreams } = changesBetween(
      file(`${ONE}, ${TWO}`),
      file(`${ONE.replace('/1', '/one')}, ${three}`, 'defaults: { upstream: { connectTimeout: 1s } }'),
    );
    assert.deepEqual(routes, { added: ['three'], removed: ['two'], changed: ['one'] });
    assert.deepEqual(upstreams, { added: [], removed: [], changed: ['a', 'b'] });
  });

  test('are also the order of routes that stay: the first that matches wins', () => {
    const changes = changesBetween(file(`${ONE}, ${TWO}`), file(`${TWO}, ${ONE}`));
    assert.deepEqual([changes.settings, isNothing(changes)], [['order of routes'], false]);
    const three = '{ name: three, match: { path: /3 }, upstream: a }';
    assert.deepEqual(changesBetween(file(`${ONE}, ${TWO}`), file(`${ONE}, ${three}, ${TWO}`)).settings, []);
  });

  test('are what concerns the whole process', () => {
    const after = file(ONE, 'admin: { token: t }\nlog: { access: all }\ndrainDelay: 1s\nreload: manual');
    assert.deepEqual(changesBetween(file(ONE), after).settings, ['admin', 'log', 'drainDelay', 'reload']);
  });
});

describe('what needs a restart', () => {
  test('stays as it is in force, in what is shown too; the rest is taken', () => {
    const before = file(ONE, 'listen: 127.0.0.1:1\nlimits: { maxConnections: 1 }');
    const loaded = file(
      TWO,
      'listen: 127.0.0.1:2\nadmin: { listen: 127.0.0.1:3, token: t }\nlimits: { maxConnections: 4 }',
    );
    const { config, restart } = withoutRestart(before, loaded);
    assert.deepEqual(restart, ['listen', 'admin.listen', 'limits']);
    assert.deepEqual([config.listen, config.limits], [before.listen, before.limits]);
    assert.deepEqual(config.admin, { ...before.admin, token: 't' });
    assert.deepEqual(config.routes, loaded.routes);
    const shown = (...path: string[]) => toValue(nodeAt(config.effective, ...path)!);
    assert.deepEqual(
      [shown('listen'), shown('limits', 'maxConnections'), shown('admin', 'listen'), shown('admin', 'token')],
      ['127.0.0.1:1', 1, '127.0.0.1:9901', 't'],
    );
  });

  test('is nothing else: of every other key of the whole process the new value is taken', () => {
    const more =
      'admin: { token: t, hosts: [a.test] }\nlog: { level: warn, access: all, redact: [x-mine] }\n' +
      'drainTimeout: 26s\ndrainDelay: 1s\nreload: manual\ntracing: { sample: 20% }';
    const loaded = file(ONE, more);
    const { config, restart } = withoutRestart(file(ONE), loaded);
    assert.equal(config, loaded);
    assert.deepEqual(restart, []);
    const { settings } = changesBetween(file(ONE), config);
    const known = Object.keys(ConfigFileSchema.properties).filter(
      (key) => !['defaults', 'upstreams', 'routes'].includes(key),
    );
    assert.deepEqual(
      [...settings, 'limits', 'listen'].sort(),
      known.sort(),
      'a key of the file that nobody has judged',
    );
  });

  test('is nothing where nothing of it has changed', () => {
    const loaded = file(TWO);
    const { config, restart } = withoutRestart(file(ONE), loaded);
    assert.equal(config, loaded);
    assert.deepEqual(restart, []);
  });
});
