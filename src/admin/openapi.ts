import type { TSchema } from '@sinclair/typebox';
import {
  change,
  json,
  listOf,
  named,
  open,
  problems,
  query,
  read,
  ref,
  SCHEMAS,
  STRING,
  text,
} from './openapi-operations.js';

const DESCRIPTION = `What the admin address answers.

Everything under /api and /-/ wants a Host header that is an address, localhost or a name in admin.hosts, and is not for pages of other sites. Without admin.token it is for loopback peers only; with one, changes need it. Reads are open then.`;

/** The OpenAPI 3.1 description of everything at the admin address. */
export function openApi(version: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Outrigger admin API',
      version,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'open', description: 'For everybody: scrapers and probes.' },
      { name: 'read', description: 'For operators, to look.' },
      { name: 'change', description: 'For operators, to act. Each is logged and counted.' },
    ],
    paths: { ...OPEN, ...READS, ...CHANGES },
    components: {
      schemas: SCHEMAS satisfies Readonly<Record<string, TSchema>>,
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'admin.token, where it is set.' } },
    },
  };
}

const OPEN = {
  '/metrics': {
    get: open('metrics', 'Prometheus text, or OpenMetrics where Accept asks for it.', {
      '200': {
        description: 'All series.',
        content: { 'text/plain': { schema: STRING }, 'application/openmetrics-text': { schema: STRING } },
      },
    }),
  },
  '/healthz': { get: open('alive', 'Whether the process lives.', { '200': text('It does.') }) },
  '/readyz': {
    get: open('ready', 'Whether calls are taken.', {
      '200': text('They are.'),
      '503': text('starting or draining.'),
    }),
  },
};

const READS = {
  '/': {
    get: {
      ...open('dashboard', 'The dashboard where Accept asks for text/html, else what there is.', {
        '200': {
          description: 'A page, or paths.',
          content: { 'text/html': { schema: STRING }, ...json(STRING, 'text/plain').content },
        },
        ...problems(403),
      }),
      tags: ['read'],
    },
  },
  '/api/routes': { get: read('routes', 'Routes, and how they fared over the last minute.', listOf('Route')) },
  '/api/history': {
    get: read('history', 'The last 15 minutes, of a route or of all.', ref('History'), {
      parameters: [query('route', "The route's name; without it, all calls.", STRING)],
    }),
  },
  '/api/upstreams': { get: read('upstreams', 'Upstreams with their endpoints.', listOf('Upstream')) },
  '/api/circuits': { get: read('circuits', 'Circuits.', listOf('Circuit')) },
  '/api/config': {
    get: read('config', 'The policy file in force with every default; secrets are ***.', { type: 'object' }),
  },
  '/api/openapi.json': { get: read('openapi', 'This document.', { type: 'object' }) },
  '/api/events': {
    get: {
      operationId: 'events',
      summary: 'What happens, as server-sent events; each event’s data is an Event.',
      description:
        'A reader that comes back with Last-Event-ID gets what it missed, as far as the last 1,000 events are kept; ' +
        'an event `missed` says how many are gone. A reader that does not take what it is sent is cut after 10 s.',
      tags: ['read'],
      parameters: [
        query('history', 'How many of the last events come first.', { type: 'integer', minimum: 0, maximum: 9999 }),
        { name: 'Last-Event-ID', in: 'header', description: 'The id that was seen last.', schema: STRING },
      ],
      responses: { '200': text('The stream.', 'text/event-stream'), ...problems(403, 422, 503) },
    },
  },
};

const upstream = named('upstream', "The upstream's name, percent-encoded.");

const CHANGES = {
  '/api/circuits/{upstream}': {
    put: change({
      operationId: 'forceCircuits',
      summary: 'Forces a circuit open or closed, or all of the upstream.',
      body: ['CircuitChange', 'required'],
      answer: listOf('Circuit'),
      also: [404, 409],
      parameters: [upstream],
    }),
    delete: change({
      operationId: 'resetCircuits',
      summary: 'Closes a circuit with an empty window, or all of the upstream. It takes no body.',
      answer: listOf('Circuit'),
      also: [404, 409],
      parameters: [upstream, query('key', "The circuit's key; without it, all of the upstream.", STRING)],
    }),
  },
  '/api/retries': {
    put: change({
      operationId: 'switchRetries',
      summary: 'Switches retries and hedges off, or on again.',
      body: ['RetriesChange', 'required'],
      answer: listOf('Retries'),
    }),
  },
  '/api/log': {
    put: change({
      operationId: 'setLogLevel',
      summary: 'Sets the log level.',
      body: ['LogChange', 'required'],
      answer: ref('Log'),
    }),
  },
  '/-/quit': {
    post: change({
      operationId: 'quit',
      summary: 'Drains and ends the process, for Jobs.',
      body: ['Nothing', 'optional'],
      answer: ref('Quit'),
      status: 202,
      also: [501],
    }),
  },
  '/-/reload': {
    post: change({
      operationId: 'reload',
      summary: 'Takes the policy file anew. 422 with all errors: what was in force still is.',
      body: ['Nothing', 'optional'],
      answer: ref('Reload'),
      also: [409, 501],
    }),
  },
};
