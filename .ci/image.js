// Replays the Dockerfile where no Docker runs: every stage is a folder, every COPY obeys .dockerignore, every RUN runs.
// Then starts what the image would start, as the health check and a stop would meet it. Knows only the instructions
// that the Dockerfile uses, and refuses others. Run it as `node .ci/image.js`.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = path.dirname(import.meta.dirname);
const work = mkdtempSync(path.join(tmpdir(), 'outrigger-image-'));

/** Instructions in order, as [NAME, rest]; continued lines joined, comments dropped. */
function parse(text) {
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => /^(\w+)\s+(.*)$/.exec(line.trim()).slice(1));
}

/** .dockerignore as this project writes it: `*` and then what is let through. */
const letThrough = readFileSync(path.join(root, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
assert.equal(letThrough.shift(), '*', '.dockerignore must begin with *');
assert(letThrough.every((line) => /^![\w.-]+$/.test(line)));

/** Runs the build; returns the last stage. */
function build() {
  const stages = new Map();
  let stage;
  for (const [name, rest] of parse(readFileSync(path.join(root, 'Dockerfile'), 'utf8'))) {
    switch (name) {
      case 'FROM': {
        const [from, , as] = rest.split(/\s+/);
        const base = stages.get(from);
        stage = { dir: path.join(work, as ?? 'final'), cwd: base?.cwd ?? '/', env: { ...base?.env }, cmd: [] };
        if (base) cpSync(base.dir, stage.dir, { recursive: true });
        if (as) stages.set(as, stage);
        break;
      }
      case 'WORKDIR':
        stage.cwd = rest;
        mkdirSync(path.join(stage.dir, rest), { recursive: true });
        break;
      case 'COPY': {
        const words = rest.split(/\s+/);
        const from = words[0].startsWith('--from=') ? stages.get(words.shift().slice(7)) : undefined;
        const target = words.pop();
        for (const word of words) {
          assert(from || letThrough.includes(`!${word}`), `.dockerignore keeps ${word} out of the build`);
          const source = from ? path.join(from.dir, word) : path.join(root, word);
          const into = target.endsWith('/') ? path.join(target, path.basename(word)) : target;
          cpSync(source, path.resolve(path.join(stage.dir, stage.cwd), into), { recursive: true });
        }
        break;
      }
      case 'RUN': {
        const cwd = path.join(stage.dir, stage.cwd);
        const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...stage.env };
        const { status } = spawnSync('sh', ['-c', rest], { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
        assert.equal(status, 0, `RUN ${rest}`);
        break;
      }
      case 'ENV': {
        const [key, value] = rest.split('=');
        stage.env[key] = value;
        break;
      }
      case 'ENTRYPOINT':
        stage.entrypoint = JSON.parse(rest);
        break;
      case 'CMD':
        stage.cmd = JSON.parse(rest);
        break;
      case 'HEALTHCHECK':
        stage.healthcheck = JSON.parse(/CMD (\[.*\])$/.exec(rest)[1]);
        break;
      case 'USER':
      case 'STOPSIGNAL':
        stage[name] = rest;
        break;
      case 'EXPOSE':
        break;
      default:
        assert.fail(`.ci/image.js does not know ${name}`);
    }
  }
  return stage;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** Starts the container's process, asks its health check until it is fine, and stops it. */
async function tryOut(image) {
  const cwd = path.join(image.dir, image.cwd);
  const env = {
    PATH: process.env.PATH,
    ...image.env,
    OUTRIGGER_CONFIG: path.join(root, 'config/outrigger.yaml'),
    OUTRIGGER_LISTEN: `127.0.0.1:${await freePort()}`,
    OUTRIGGER_ADMIN_LISTEN: `127.0.0.1:${await freePort()}`,
  };
  const [command, ...args] = image.entrypoint;
  const run = (extra, stdio) => spawnSync(command, [...args, ...extra], { cwd, env, stdio, encoding: 'utf8' });

  const schema = run(['schema'], ['ignore', 'pipe', 'inherit']);
  assert.equal(schema.status, 0, 'schema');
  assert.equal(typeof JSON.parse(schema.stdout).properties, 'object');

  const before = readdirSync(cwd).sort();
  const main = spawn(command, [...args, ...image.cmd], { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const healthy = () => spawnSync(image.healthcheck[0], image.healthcheck.slice(1), { cwd, env }).status === 0;
  try {
    for (let tries = 0; !healthy(); tries++) {
      assert(tries < 50 && main.exitCode === null, 'the health check never succeeded');
      await sleep(100);
    }
    main.kill(image.STOPSIGNAL);
    const [code] = await once(main, 'exit');
    assert.equal(code, 0, `after ${image.STOPSIGNAL}`);
    assert.equal(healthy(), false, 'the health check must fail when nothing runs');
  } finally {
    main.kill('SIGKILL');
  }
  assert.deepEqual(readdirSync(cwd).sort(), before, 'the process wrote into its folder');
}

try {
  const image = build();
  assert.equal(existsSync(path.join(image.dir, image.cwd, 'node_modules')), false, 'what it needs is in the bundle');
  assert.match(image.USER, /^[1-9]\d*/, 'the image must not run as root');
  await tryOut(image);
  console.log('image: built, healthy, stopped with exit code 0');
} finally {
  rmSync(work, { recursive: true, force: true });
}
