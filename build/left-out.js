// What the bundle leaves out of packages, and why it is never missed. A key is what some package asks for; `instead` is
// the text of a module that stands in. Whatever needs the real one after all fails when it is used, and says so.

/** A function that is there to be passed around, never to be called. */
const refuses = (name) => `() => { throw new Error('${name} is left out of the bundle: see build/left-out.js'); }`;

const substitutes = {
  undici: {
    why: "@fastify/reply-from, which it comes with, is told to use Node's client (src/edge/server.ts).",
    instead: ``,
  },
  '@sinclair/typebox': {
    why: 'Its types are for the compiler; of what it does at run time, little is used. It is a tenth of the program.',
    instead: `export { Type } from './typebox.js';`,
  },
  'prom-client': {
    why: 'Only its metrics of the process are used; the rest, clusters and push gateways among it, is not.',
    instead: `
      exports.Registry = require('prom-client/lib/registry.js');
      exports.collectDefaultMetrics = require('prom-client/lib/defaultMetrics.js');`,
  },
  '@opentelemetry/api': {
    why: "prom-client asks it for exemplars of the process's metrics, which are off.",
    instead: `exports.trace = { getSpan: ${refuses('@opentelemetry/api')} };`,
  },
  'node:http2': {
    why: 'Nothing here speaks HTTP/2, neither to apps nor to upstreams. Node takes 3 MB for it.',
    instead: `exports.constants = {};`,
  },
  ws: {
    why: "@fastify/http-proxy's own WebSockets are off: upgrades go through the pipeline.",
    instead: `module.exports = ${refuses('ws')};`,
  },
  '@fastify/ajv-compiler': {
    why: 'No route of ours has a schema.',
    instead: `module.exports = () => ${refuses('@fastify/ajv-compiler')};`,
  },
  '@fastify/fast-json-stringify-compiler': {
    why: 'No route of ours has a schema.',
    instead: `module.exports = () => ${refuses('@fastify/fast-json-stringify-compiler')};`,
  },
  '@fastify/proxy-addr': {
    why: 'Fastify is not asked to trust X-Forwarded-For.',
    instead: `module.exports = ${refuses('@fastify/proxy-addr')};`,
  },
  semver: {
    why: 'Fastify holds the versions of its plugins against its own: the tests, which are not bundled, have it do so.',
    instead: `exports.satisfies = () => true;`,
  },
  'light-my-request': {
    why: "Fastify's inject() is for tests.",
    instead: `module.exports = ${refuses('light-my-request')};`,
  },
  'thread-stream': {
    why: "pino's transports are not used: the log goes to standard output.",
    instead: `module.exports = ${refuses('thread-stream')};`,
  },
};

/** The same as a plugin of esbuild's. */
export const leftOut = {
  name: 'left-out',
  setup(build) {
    for (const name of Object.keys(substitutes)) {
      build.onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: name, namespace: 'left-out' }));
    }
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
      contents: substitutes[path].instead,
      resolveDir: import.meta.dirname,
    }));
  },
};
