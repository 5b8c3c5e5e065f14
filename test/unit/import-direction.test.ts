import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findCycle, importsOf, readRooms, readSources, roomOf, violations } from '../support/import-graph.js';
import type { Rooms } from '../support/import-graph.js';

describe('import direction', () => {
  it('holds in src: every import is one that the table of rooms allows', () => {
    assert.deepEqual(violations(readRooms(), readSources()), []);
  });

  it('is laid down for every room of src, and for no other', () => {
    const rooms = new Set([...readSources().keys()].map(roomOf));
    assert.deepEqual(Object.keys(readRooms()).sort(), [...rooms].sort());
  });

  it('has no circle of files that need one another to load', () => {
    assert.equal(findCycle(readSources()), undefined);
  });
});

describe('the reading of imports', () => {
  it('sees all forms, and which are gone after compilation', () => {
    const source = `
      import { a } from './a.js';
      import type { b } from './b.js';
      import './c.js';
      export { d } from './d.js';
      export type { e } from './e.js';
      const f = await import('./f.js');
      type G = import('./g.js').G;
      // import { h } from './h.js';
      const i = "import { i } from './i.js'";`;
    assert.deepEqual(
      importsOf(source).map(({ specifier, typeOnly }) => `${specifier}${typeOnly ? ' type' : ''}`),
      ['./a.js', './b.js type', './c.js', './d.js', './e.js type', './f.js', './g.js type'],
    );
  });

  const rooms: Rooms = {
    edge: { imports: ['policies'], types: ['runtime'], packages: ['undici', '@fastify/http-proxy'] },
    policies: { imports: [], types: [], packages: [] },
    runtime: { imports: [], types: [], packages: [] },
  };
  const judged = (file: string, source: string) =>
    violations(
      rooms,
      new Map([
        ['policies/policy.ts', ''],
        ['runtime/clock.ts', ''],
        ['edge/server.ts', ''],
        [file, source],
      ]),
    );

  it('allows what the table allows', () => {
    const source = `
      import './server.js'; import '../policies/policy.js'; import type {} from '../runtime/clock.js';
      import 'undici'; import '@fastify/http-proxy'; import 'node:http';`;
    assert.deepEqual(judged('edge/forward.ts', source), []);
  });

  it('refuses another room, a value where only types are allowed, a package, a missing file, an unknown room', () => {
    assert.deepEqual(judged('policies/retry.ts', "import type {} from '../edge/server.js'"), [
      "policies/retry.ts: '../edge/server.js' is against the stream",
    ]);
    assert.deepEqual(judged('edge/forward.ts', "import '../runtime/clock.js'"), [
      "edge/forward.ts: '../runtime/clock.js' may be imported for its types only",
    ]);
    assert.deepEqual(judged('edge/forward.ts', "import 'pino/file'"), [
      "edge/forward.ts: the package 'pino' is not for this room",
    ]);
    assert.deepEqual(judged('edge/forward.ts', "import './gone.js'"), [
      "edge/forward.ts: './gone.js' names no file of src",
    ]);
    assert.deepEqual(judged('new/x.ts', "import 'undici'"), ["new/x.ts: the room 'new' is not in the table"]);
  });

  it('finds a circle of values, and leaves types alone', () => {
    const a = ['a.ts', "import './b.js'"] as const;
    assert.equal(findCycle(new Map([a, ['b.ts', "import './a.js'"]])), 'a.ts → b.ts → a.ts');
    assert.equal(findCycle(new Map([a, ['b.ts', "import type {} from './a.js'"]])), undefined);
  });
});
