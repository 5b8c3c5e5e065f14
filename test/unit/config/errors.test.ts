import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError } from '../../../src/config/issues.js';
import { errorsOf, load, type Parts, policyFile } from '../../support/policy-file.js';

/** What is wrong, as `path: message` and, after a bar, the suggestion. */
function told(text: string, readFile?: (path: string) => Uint8Array): string[] {
  const errors = errorsOf(text, readFile === undefined ? {} : { readFile });
  return errors.map(
    ({ path, message, suggestion }) => `${path}: ${message}${suggestion === undefined ? '' : ` | ${suggestion}`}`,
  );
}

interface Case extends Parts {
  readonly says: string | RegExp;
}

/** Each file has exactly one mistake, and it is told so. */
function each(cases: Readonly<Record<string, Case>>): void {
  for (const [name, { says, ...parts }] of Object.entries(cases)) {
    test(name, () => {
      const errors = told(policyFile(parts));
      assert.equal(errors.length, 1, errors.join('\n'));
      if (typeof says === 'string') assert.equal(errors[0], says);
      else assert.match(errors[0] ?? '', says);
    });
  }
}

describe('unknown keys', () => {
  each({
    'a misspelt key': {
      route: 'retires: { maxAttempts: 3 }',
      says: /^routes\[0\]\.retires: did you mean 'retry'\? Unknown key; allowed here: name, match, upstream, /,
    },
    'a key in snake case': {
      route: 'retry: { max_attempts: 3 }',
      says: /^routes\[0\]\.retry\.max_attempts: did you mean 'maxAttempts'\? .* \| did you mean 'maxAttempts'\?$/,
    },
    'a key of nothing like it': {
      root: 'zebra: 1',
      says: /^zebra: unknown key 'zebra'; allowed here: listen, admin, /,
    },
    "an upstream's key under a route": {
      route: 'circuitBreaker: false',
      says: /^routes\[0\]\.circuitBreaker: unknown key .* \| 'circuitBreaker' stands under an upstream$/,
    },
    "a route's key under an upstream": { upstream: 'retry: false', says: / \| 'retry' stands under a route$/ },
    'an unknown key in defaults': {
      root: 'defaults: { route: { upstream: a } }',
      says: /^defaults\.route\.upstream: unknown key 'upstream'/,
    },
    'a misspelt required key is not also told missing': {
      route: 'fallback: { stepps: [] }',
      says: /^routes\[0\]\.fallback\.stepps: did you mean 'steps'\?/,
    },
  });
});

describe('units', () => {
  const allowed = 'allowed: a duration above zero, such as 250ms, 3s, 1m30s or 1h';
  each({
    'a bare number for a duration': {
      route: 'timeout: 250',
      says: `routes[0].timeout: found 250; ${allowed}, or false | write 250ms or 250s`,
    },
    'seconds in words': {
      route: 'timeout: 5 seconds',
      says: `routes[0].timeout: found '5 seconds'; ${allowed} | write 5s`,
    },
    days: { route: 'timeout: 1d', says: `routes[0].timeout: found '1d'; ${allowed} | write 24h` },
    'a duration of zero where it makes no sense': {
      route: 'timeout: 0s',
      says: `routes[0].timeout: found '0s'; ${allowed}`,
    },
    'a number without end': {
      route: 'retry: { backoff: { factor: .inf } }',
      says: 'routes[0].retry.backoff.factor: found .inf; allowed: a number from 1',
    },
    'true for a duration': { route: 'timeout: true', says: `routes[0].timeout: found true; ${allowed}, or false` },
    'a bare number for a size': {
      root: 'limits: { replayMemory: 1024 }',
      says: 'limits.replayMemory: found 1024; allowed: a size such as 512B, 64KiB or 2MB | write 1024B',
    },
    'a head of no size': {
      root: 'limits: { maxHeaderSize: 0B }',
      says: "limits.maxHeaderSize: found '0B'; allowed: a size above zero, such as 512B, 64KiB or 2MB",
    },
    'a size in half a unit': { root: 'limits: { replayMemory: 64M }', says: / \| write 64MiB$/ },
    'a quoted ratio': {
      upstream: 'retryBudget: { failedRatio: "0.2" }',
      says: "upstreams.a.retryBudget.failedRatio: found '0.2'; allowed: a ratio from 0, such as 0.5 or 50% | write 0.2 without quotes",
    },
    'a ratio below zero': { upstream: 'retryBudget: { failedRatio: -1 }', says: /found -1; allowed: a ratio from 0/ },
    'a ratio with a space': { upstream: 'retryBudget: { failedRatio: 20 % }', says: / \| write 20%$/ },
    'a percentile without its p': {
      route: 'attemptTimeout: { percentile: 99 }',
      says: 'routes[0].attemptTimeout.percentile: found 99; allowed: a percentile such as p99 | write p99',
    },
    'a percentile as a percentage': { route: 'attemptTimeout: { percentile: 99.5% }', says: / \| write p99\.5$/ },
    'a least attempt timeout above the longest': {
      route: 'attemptTimeout: { min: 2s, max: 1s }',
      says: 'routes[0].attemptTimeout.min: min, 2s, is longer than max, 1s | lower min, or raise max',
    },
    'a longest attempt timeout below the least, which is built in': {
      route: 'attemptTimeout: { max: 100ms }',
      says: 'routes[0].attemptTimeout.max: min, 250ms, is longer than max, 100ms | lower min, or raise max',
    },
    'off written as false': { upstream: 'circuitBreaker: { slowCallDuration: false }', says: / \| write off$/ },
  });
});

describe('types and bounds', () => {
  each({
    'a word for a number': {
      route: 'retry: { maxAttempts: three }',
      says: "routes[0].retry.maxAttempts: found 'three'; allowed: a whole number from 1 to 100",
    },
    'a quoted number': { route: 'retry: { maxAttempts: "3" }', says: / \| write 3 without quotes$/ },
    'no attempt at all': {
      route: 'retry: { maxAttempts: 0 }',
      says: /found 0; allowed: a whole number from 1 to 100$/,
    },
    'half an attempt': { route: 'retry: { maxAttempts: 1.5 }', says: /found 1\.5; allowed: a whole number/ },
    'yes for true': {
      route: 'preserveHost: yes',
      says: "routes[0].preserveHost: found 'yes'; allowed: true or false | write true",
    },
    'a word that is not offered': {
      root: 'log: { level: warning }',
      says: "log.level: found 'warning'; allowed: trace, debug, info, warn, error, fatal or silent | write warn",
    },
    'a scalar for a list': {
      route: 'requestHeaders: { remove: x-a }',
      says: / found 'x-a'; allowed: a list \| write \[x-a\]$/,
    },
    'true for a policy': { route: 'retry: true', says: 'routes[0].retry: found true; allowed: a map, or false' },
    'a key without a value': {
      route: 'rewrite:',
      says: 'routes[0].rewrite: found nothing; allowed: a map | write {} or leave the key out',
    },
    'an empty list of endpoints': {
      root: '',
      upstream: 'concurrency: { limit: lots }',
      says: "upstreams.a.concurrency.limit: found 'lots'; allowed: a whole number from 1 or adaptive",
    },
    'a template without quotes, which YAML reads as a map': {
      upstream: 'circuitBreaker: { key: {endpoint} }',
      says: /found a map; allowed: text with \{endpoint\}.* \| put quotes around it: "\{…\}"$/,
    },
    'line breaks in the value found': {
      root: 'reload: "a\\nb"',
      says: /^reload: found 'a\\nb'; allowed: auto or manual$/,
    },
  });

  test('empty maps and lists of what is needed', () => {
    assert.deepEqual(told('upstreams: {}\nroutes: []\n'), [
      'upstreams: found an empty map; at least one entry is needed',
      'routes: found an empty list; at least one entry is needed',
    ]);
  });

  test('upstreams and routes are needed', () => {
    assert.deepEqual(
      told('reload: auto\n').map((line) => line.split(';')[0]?.replace(/ missing.*/, ' missing')),
      ["upstreams: 'upstreams' is missing", "routes: 'routes' is missing"],
    );
  });

  test('a route needs a name, a match and an upstream', () => {
    const text = policyFile().replace('  - name: r\n    match: {}\n    upstream: a\n', '  - preserveHost: true\n');
    assert.deepEqual(
      told(text).map((line) => line.replace(/ missing.*/, ' missing')),
      [
        "routes[0].name: 'name' is missing",
        "routes[0].match: 'match' is missing",
        "routes[0].upstream: 'upstream' is missing",
      ],
    );
  });
});

describe('classes, methods, headers, templates', () => {
  each({
    'an upper-case class': {
      upstream: 'circuitBreaker: { failOn: [5XX] }',
      says: "upstreams.a.circuitBreaker.failOn[0]: found '5XX'; allowed: connect-failure, reset, timeout, bad-response, 503 or 5xx | write 5xx",
    },
    'a local refusal can not be retried': {
      route: 'retry: { on: [circuit-open] }',
      says: /^routes\[0\]\.retry\.on\[0\]: found 'circuit-open'/,
    },
    'a status that is none': { route: 'retry: { on: [600] }', says: /found '600'; allowed: / },
    'a lower-case method': { route: 'retry: { methods: [get] }', says: / \| write GET$/ },
    'a method that is none': {
      route: 'retry: { methods: [GRT] }',
      says: "routes[0].retry.methods[0]: found 'GRT'; allowed: a method that HTTP knows, such as GET or POST | did you mean 'GET'?",
    },
    'a header name that is none': {
      route: 'requestHeaders: { set: { "x y": v } }',
      says: 'routes[0].requestHeaders.set["x y"]: \'x y\' is not a header name',
    },
    'a header value with a line break': {
      route: 'requestHeaders: { set: { x-a: "v\\r\\nx-b: w" } }',
      says: "routes[0].requestHeaders.set.x-a: found 'v\\r\\nx-b: w'; allowed: text without line breaks",
    },
    'a header given twice in different case': {
      route: 'requestHeaders: { set: { X-A: v, x-a: w } }',
      says: "routes[0].requestHeaders.set.x-a: the header 'x-a' is given twice | remove one of the two",
    },
    'a Host that is none': {
      route: 'requestHeaders: { set: { Host: "a b" } }',
      says: "routes[0].requestHeaders.set.host: found 'a b', which is no host | write a name or an address, with a port if need be",
    },
    'a header that frames the message': {
      route: 'responseHeaders: { set: { Content-Length: 3 } }',
      says: /'content-length' belongs to the connection and can not be set/,
    },
    'a header that frames the message, taken out': {
      route: 'responseHeaders: { remove: [server, Content-Length] }',
      says: "routes[0].responseHeaders.remove[1]: 'content-length' belongs to the connection and can not be removed | leave it out",
    },
    'an unknown variable in a template': {
      upstream: 'circuitBreaker: { key: "{host}" }',
      says: /found '\{host\}'; allowed: text with \{endpoint\}, \{upstream\}, \{route\} or \{header:NAME\} in it$/,
    },
    'an endpoint where none is chosen yet': {
      upstream: 'retryBudget: { key: "{endpoint}" }',
      says: /\{endpoint\} is not known there yet; allowed: \{upstream\}, \{route\} and \{header:NAME\}$/,
    },
  });

  test('templates may be joined, and name headers', () => {
    const upstream = 'circuitBreaker: { key: "{upstream}-{header:x-tenant}/{route}" }';
    assert.deepEqual(told(policyFile({ upstream })), []);
  });
});

describe('addresses, origins, hosts, paths', () => {
  each({
    'a bare port': { root: 'listen: 8080', says: / \| write ':8080'$/ },
    'a port out of range': {
      root: 'listen: "h:70000"',
      says: "listen: found 'h:70000'; allowed: an address: host:port, :port or unix:/path",
    },
    'a relative socket': {
      root: 'listen: unix:run.sock',
      says: /^listen: found 'unix:run\.sock'; allowed: an address/,
    },
    'an address twice': { root: 'listen: [":81", ":81"]', says: "listen[1]: ':81' is listened on already" },
    'the admin address as the proxy’s': {
      root: 'listen: 127.0.0.1:9901',
      says: "admin.listen: '127.0.0.1:9901' is listened on already",
    },
  });

  const origins: Readonly<Record<string, RegExp>> = {
    'a.internal':
      /^upstreams\.a\.url: found 'a\.internal'; allowed: an origin: .* \| write http:\/\/a\.internal or https:\/\/a\.internal$/,
    'ftp://a': /found 'ftp:\/\/a'; allowed: an origin/,
    'http://a/v1': /which bears more than an origin; a path goes under rewrite\.addPrefix/,
    'http://a?x': /which bears more than an origin/,
    'http://a:0': /which has port 0/,
    'http://': /allowed: an origin/,
    'http://u:hunter2@a': /found 'http:\/\/\*\*\*@a', which bears user information/,
  };
  for (const [url, says] of Object.entries(origins)) {
    test(`the origin ${url}`, () => {
      const errors = told(policyFile().replace('http://a.internal', url));
      assert.equal(errors.length, 1, errors.join('\n'));
      assert.match(errors[0] ?? '', says);
      assert.doesNotMatch(errors[0] ?? '', /hunter2/);
    });
  }

  const collectors: Readonly<Record<string, RegExp>> = {
    'collector:4318':
      /^tracing\.otlp: found 'collector:4318'; allowed: a URL .* \| write http:\/\/collector:4318 or https/,
    'http://': /allowed: a URL/,
    'http://a:4318/?key=hunter2': /bears a query or fragment/,
    'http://u:hunter2@a:4318': /found 'http:\/\/\*\*\*@a:4318', which bears a user; .* \| write headers: /,
  };
  for (const [url, says] of Object.entries(collectors)) {
    test(`the collector ${url}`, () => {
      const errors = told(policyFile({ root: `tracing: { otlp: "${url}" }` }));
      assert.equal(errors.length, 1, errors.join('\n'));
      assert.match(errors[0] ?? '', says);
    });
  }

  const matches: Readonly<Record<string, RegExp>> = {
    'host: "a.b:80"': /which bears a port; .* \| write a\.b$/,
    'host: "*"': /\| leave host out to match any$/,
    'host: "a.*"': /allowed: a host, exact or \*\.suffix/,
    'host: "a b"': /allowed: a host/,
    'path: x': /found 'x'; allowed: a path that starts with \/.* \| write \/x$/,
    'path: /a*': /has a \* elsewhere than at its end, after a \//,
    'path: /a/*/b': /has a \* elsewhere/,
    'path: /a?b': /bears a query or fragment/,
    'path: /a/../b': /has dot segments/,
    'path: /a/%2E%2e/b': /has dot segments/,
    'methods: []': /found an empty list; at least one entry is needed/,
  };
  for (const [match, says] of Object.entries(matches)) {
    test(`match: { ${match} }`, () => {
      const errors = told(policyFile().replace('match: {}', `match: { ${match} }`));
      assert.equal(errors.length, 1, errors.join('\n'));
      assert.match(errors[0] ?? '', says);
    });
  }

  each({
    'a prefix with a query': { route: 'rewrite: { addPrefix: "/a?b=c" }', says: /which bears a query or fragment/ },
    'a prefix without a slash': { route: 'rewrite: { stripPrefix: a }', says: / \| write \/a$/ },
  });
});

describe('names and references', () => {
  const twoRoutes = (second: string) => `${policyFile()}  - ${second}\n`;

  test('a route or an upstream named -, which in metrics stands for none', () => {
    assert.deepEqual(told(policyFile().replace('name: r', "name: '-'")), [
      "routes[0].name: found '-'; allowed: a name of 1 to 100 characters other than -",
    ]);
    assert.match(told(policyFile().replace('  a:', "  '-':").replace('upstream: a', "upstream: '-'")).join(), /'-'/);
  });

  test('two routes of one name', () => {
    assert.deepEqual(told(twoRoutes('{ name: r, match: {}, upstream: a }')), [
      "routes[1].name: another route is named 'r'; names must be unique",
    ]);
  });

  test('an upstream that is not there', () => {
    const text = policyFile().replace('  a:', '  payments:').replace('upstream: a', 'upstream: payment');
    assert.deepEqual(told(text), [
      "routes[0].upstream: no upstream is named 'payment'; there are: payments | did you mean 'payments'?",
    ]);
  });

  test('neither url nor endpoints, and both', () => {
    const neither = policyFile({ upstream: 'internalHeaders: true' }).replace('    url: http://a.internal\n', '');
    assert.deepEqual(told(neither), ["upstreams.a: 'url' or 'endpoints' is missing | write url: http://host:port"]);
    assert.deepEqual(told(policyFile({ upstream: 'endpoints: [http://b]' })), [
      'upstreams.a.url: url and endpoints exclude each other | remove one of the two',
    ]);
  });

  test('an endpoint given twice', () => {
    const text = policyFile().replace('url: http://a.internal', 'endpoints: [http://a, http://b, http://A/]');
    assert.deepEqual(told(text), ['upstreams.a.endpoints[2]: this endpoint is given twice']);
  });

  test('a fallback to the upstream that failed, or to one that is not there', () => {
    const steps = (name: string) => policyFile({ route: `fallback: { steps: [{ upstream: ${name} }] }` });
    assert.match(told(steps('a')).join('\n'), /'a' is the upstream that the route itself uses/);
    assert.match(told(steps('b')).join('\n'), /no upstream is named 'b'/);
  });
});

describe('what goes together', () => {
  const backoff = (options: string): Parts => ({ route: `retry: { backoff: { ${options} } }` });
  each({
    'decorrelated jitter of fixed waits': {
      ...backoff('strategy: fixed, jitter: decorrelated'),
      says: 'routes[0].retry.backoff.jitter: jitter decorrelated goes with strategy exponential only; the strategy is fixed | write full or equal, or strategy: exponential',
    },
    'a sequence without delays': {
      ...backoff('strategy: sequence'),
      says: 'routes[0].retry.backoff.strategy: strategy sequence needs delays | write delays: [100ms, 500ms, 2s] beside it',
    },
    'a body and a file with one': {
      route: 'fallback: { steps: [{ response: { body: x, bodyFile: policy.yaml } }] }',
      says: /bodyFile: body and bodyFile exclude each other/,
    },
    'a step that is none': {
      route: 'fallback: { steps: [{ respond: {} }] }',
      says: "routes[0].fallback.steps[0]: found a map with respond; allowed: a map with exactly one of stale, upstream, response | did you mean 'response'?",
    },
    'a fallback without steps': { route: 'fallback: {}', says: /^routes\[0\]\.fallback\.steps: 'steps' is missing/ },
  });

  test('two steps in one', () => {
    const errors = told(policyFile({ route: 'fallback: { steps: [{ response: {}, upstream: b }] }' }));
    assert.match(errors[0] ?? '', /found a map with response, upstream; allowed: a map with exactly one of/);
  });

  test('a mistake in defaults is told once, where it stands', () => {
    const root = 'defaults: { route: { retry: { backoff: { strategy: sequence } } } }';
    const errors = errorsOf(`${policyFile({ root })}  - { name: s, match: {}, upstream: a }\n`);
    assert.deepEqual(
      errors.map(({ line, path }) => [line, path]),
      [[1, 'defaults.route.retry.backoff.strategy']],
    );
  });

  test('a route repairs what its defaults lack', () => {
    const root = 'defaults: { route: { retry: { backoff: { strategy: sequence } } } }';
    assert.deepEqual(told(policyFile({ root, route: 'retry: { backoff: { delays: [1s] } }' })), []);
  });
});

describe('TLS files', () => {
  const files = (contents: Readonly<Record<string, string>>) => (path: string) => {
    const content = contents[path.slice(process.cwd().length + 1)];
    if (content !== undefined) return Buffer.from(content);
    throw Object.assign(new Error('no'), { code: 'EACCES' });
  };
  const tls = (options: string) => policyFile({ upstream: `tls: { ${options} }` });

  test('one that can not be read', () => {
    assert.deepEqual(told(tls('ca: ca.pem'), files({})), [
      "upstreams.a.tls.ca: 'ca.pem' can not be read: no permission",
    ]);
  });

  test('one that is no certificate', () => {
    assert.deepEqual(told(tls('ca: ca.pem'), files({ 'ca.pem': 'hello' })), [
      'upstreams.a.tls.ca: the file holds no PEM certificate',
    ]);
  });

  test('a certificate without its key', () => {
    assert.deepEqual(told(tls('cert: c.pem'), files({ 'c.pem': 'x' })), [
      "upstreams.a.tls.cert: a cert needs the 'key' that belongs to it",
    ]);
  });

  test('a pair that OpenSSL does not take', () => {
    const errors = told(tls('cert: c.pem, key: k.pem'), files({ 'c.pem': 'x', 'k.pem': 'y' }));
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? '', /^upstreams\.a\.tls\.cert: cert and key can not be used: /);
  });
});

describe('the report', () => {
  const text = policyFile({ root: 'drainTimeout: 25', route: 'retry: 1\nretires: {}' });

  test('shows place, path, message, the line with a caret, and the remedy; all errors in the order of the file', () => {
    assert.throws(
      () => load(text),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(
          error.format(),
          `policy.yaml:1:15: drainTimeout: found 25; allowed: a duration such as 250ms, 3s, 1m30s or 1h
  1 | drainTimeout: 25
    |               ^
  write 25ms or 25s

policy.yaml:9:12: routes[0].retry: found 1; allowed: a map, or false
  9 |     retry: 1
    |            ^

policy.yaml:10:5: routes[0].retires: did you mean 'retry'? Unknown key; allowed here: name, match, upstream, rewrite, requestHeaders, responseHeaders, preserveHost, timeout, attemptTimeout, idleTimeout, retry, hedge, rateLimit, fallback, faults
  10 |     retires: {}
     |     ^`,
        );
        assert.equal(
          error.message,
          'policy.yaml:1:15: drainTimeout: found 25; allowed: a duration such as 250ms, 3s, 1m30s or 1h (and 2 more)',
        );
        return true;
      },
    );
  });

  test('has for programs exactly file, line, column, path, message and suggestion', () => {
    assert.deepEqual(errorsOf(policyFile({ root: 'drainTimeout: 25' })), [
      {
        file: 'policy.yaml',
        line: 1,
        column: 15,
        path: 'drainTimeout',
        message: 'found 25; allowed: a duration such as 250ms, 3s, 1m30s or 1h',
        suggestion: 'write 25ms or 25s',
      },
    ]);
  });
});
