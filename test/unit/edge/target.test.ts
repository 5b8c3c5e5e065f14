import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hasDotSegments, parseTarget, rewritePath } from '../../../src/edge/target.js';
import { OutriggerError } from '../../../src/errors.js';
import { createRouter } from '../../../src/routing/router.js';

describe('a request target', () => {
  it('in origin form is split at its first question mark and otherwise left alone', () => {
    assert.deepEqual(parseTarget('//x%2F/?a?b=/c'), { path: '//x%2F/', query: '?a?b=/c', authority: undefined });
    assert.deepEqual(parseTarget('/?'), { path: '/', query: '?', authority: undefined });
  });

  it('in absolute form names its authority', () => {
    assert.deepEqual(parseTarget('HTTP://a.test:80/x?y'), { path: '/x', query: '?y', authority: 'a.test:80' });
    assert.deepEqual(parseTarget('https://[::1]?y'), { path: '/', query: '?y', authority: '[::1]' });
  });

  it('of any other form is refused', () => {
    for (const target of [
      '',
      '*',
      'x',
      'a.test:80',
      'http:',
      'http://',
      'http:///x',
      'http://u@a/',
      'ftp://a/',
      'http://a b/',
    ]) {
      assert.throws(() => parseTarget(target), OutriggerError, target);
    }
  });
});

describe('dot segments', () => {
  it('are seen plain, encoded, and between encoded slashes', () => {
    for (const path of [
      '/..',
      '/.',
      '/a/../b',
      '/a/./b',
      '/%2e%2E/b',
      '/.%2e',
      '/a%2F..%2fb',
      '/a\\..\\b',
      '/a%5c..',
      '/..;x/b',
      '/..%3bx',
    ]) {
      assert.ok(hasDotSegments(path), path);
    }
  });

  it('are not seen in names with dots', () => {
    for (const path of ['/', '/a.b', '/..a', '/a..', '/...', '/.well-known/x', '/a%2eb', '/%2f', '/v1.2/x']) {
      assert.ok(!hasDotSegments(path), path);
    }
  });

  it('once none is seen, no decoding and resolving leads out of the path', () => {
    const piece = fc.constantFrom('.', '%2e', '%2E', '/', '%2f', '\\', '%5C', 'a');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const path = `/${pieces.join('')}`;
        if (hasDotSegments(path)) return;
        const decoded = decodeURIComponent(path).replaceAll('\\', '/');
        assert.ok(!decoded.split('/').includes('..'), path);
      }),
    );
  });
});

describe('a rewrite', () => {
  it('strips a prefix at a segment\u2019s border only', () => {
    const strip = (path: string) => rewritePath(path, { stripPrefix: '/p' });
    assert.deepEqual(['/p', '/p/', '/p/x', '/px', '/q/p', '/p//x'].map(strip), ['/', '/', '/x', '/px', '/q/p', '//x']);
  });

  it('strips what a route for the prefix matches, however it is written, and leaves the rest as it is', () => {
    const strip = (path: string) => rewritePath(path, { stripPrefix: '/p/q-' });
    assert.deepEqual(
      ['/%70/q-/%70%2f', '/p/q%2D', '/%70%2Fq-/x', '/%2570/q-', '/%50/q-/x', '/p/q-%2Fx', '/%70', '/p/%71'].map(strip),
      ['/%70%2f', '/', '/%70%2Fq-/x', '/%2570/q-', '/%50/q-/x', '/p/q-%2Fx', '/%70', '/p/%71'],
    );
    assert.equal(rewritePath('/a%2fb/x', { stripPrefix: '/a%2Fb' }), '/x');
  });

  it('strips a prefix where a route with this prefix matches, and only there', () => {
    const piece = fc.constantFrom('/', 'a', '%61', '%41', '%2f', '%2F', '%2561', '%', 'b');
    const path = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => `/${pieces.join('')}`);
    fc.assert(
      fc.property(path, path, (sent, prefix) => {
        const stripPrefix = prefix.replace(/\/+$/, '');
        const route = createRouter([{ match: { path: `${stripPrefix}/*` } }]);
        const matched = route.find({ host: '', path: sent, method: 'GET', header: () => undefined }) !== undefined;
        const left = rewritePath(sent, { stripPrefix });
        assert.ok(left === '/' || sent.endsWith(left));
        if (stripPrefix !== '') assert.equal(left !== sent, matched && sent !== '/');
      }),
      { numRuns: 3_000 },
    );
  });

  it('puts a prefix in front', () => {
    assert.deepEqual(
      ['/', '/x', '//'].map((path) => rewritePath(path, { addPrefix: '/v2/' })),
      ['/v2/', '/v2/x', '/v2//'],
    );
  });

  it('strips first', () => {
    const both = { stripPrefix: '/p/', addPrefix: '/v2' };
    assert.deepEqual(
      ['/p', '/p/', '/p/x', '/x'].map((path) => rewritePath(path, both)),
      ['/v2', '/v2/', '/v2/x', '/v2/x'],
    );
  });

  it('of nothing changes nothing', () => {
    for (const path of ['/', '/x', '//', '/%zz']) {
      assert.equal(rewritePath(path, {}), path);
      assert.equal(rewritePath(path, { stripPrefix: '/', addPrefix: '/' }), path);
    }
  });
});
