import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { demoHints } from '../../../src/demo/hints.js';
import { startDemoUpstream } from '../../../src/demo/upstream.js';
import { VirtualClock } from '../../../src/simulation/virtual-clock.js';

test('hints name only paths that the demo upstream has', async (t) => {
  const clock = new VirtualClock();
  const upstream = await startDemoUpstream({ host: '127.0.0.1', port: 0, clock, random: () => 0.99 });
  t.after(() => upstream.close());
  const { body } = await request(upstream.url);
  const index = await body.text();
  const text = demoHints('http://127.0.0.1:8080', 'http://127.0.0.1:9901');
  const paths = [...text.matchAll(/http:\/\/127\.0\.0\.1:8080([^\s';?]*)/g)].map(([, path = '']) => path);
  assert.ok(paths.length >= 8);
  for (const path of paths) {
    // The route with-fallback takes its prefix off.
    const seen = path.replace(/^\/fallback/, '');
    assert.match(index, new RegExp(`^(?:POST )?${seen}\\b`, 'm'), path);
  }
  assert.match(text, /http:\/\/127\.0\.0\.1:9901\/metrics/);
});

test('every hint says what it shows', () => {
  const lines = demoHints('http://a', 'http://b')
    .split('\n')
    .filter((line) => line !== '');
  assert.ok(lines.length >= 16);
  lines.forEach((line, index) => assert.match(line, index % 2 === 0 ? /^ {2}# \S/ : /^ {2}(?=\S).*\bcurl\b/));
});
