import { request, type IncomingMessage } from 'node:http';
import { formatAddress, parseAddress, type Address } from '../config/addresses.js';
import { readDocument } from '../config/document.js';
import { Files, type ReadFile } from '../config/files.js';
import { readInput } from '../config/input-file.js';
import { Issues, SourceText } from '../config/issues.js';
import { stringAt } from '../config/nodes.js';
import { systemClock } from '../runtime/clock.js';
import { readArguments, type Command, type Flags } from './command.js';
import type { Io } from './io.js';
import { adminAddress, policyFile } from './settings.js';

/** An answer that takes longer is none, in milliseconds. */
const TIMEOUT_MS = 2_000;

/** The longest reason that is read from an answer, in characters. */
const MAX_REASON = 200;

const DEFAULT_ADMIN: Address = { kind: 'tcp', host: '127.0.0.1', port: 9901 };

const flags: Flags = {
  config: { value: 'FILE', help: 'the policy file, for its admin.listen (OUTRIGGER_CONFIG)' },
  'admin-listen': { value: 'ADDRESS', help: 'the admin address (OUTRIGGER_ADMIN_LISTEN)' },
};

/** Asks /readyz: for images without curl. */
export const healthcheckCommand: Command = {
  usage: '[--config FILE] [--admin-listen ADDRESS]',
  about: 'Asks /readyz at the admin address. Exit code 0: ready; 1: not.',
  flags,
  async run(args, io) {
    const { values } = readArguments(args, flags);
    const address = adminAddress(values, io.env) ?? addressInFile(policyFile(values, io.env), io);
    const problem = await askReady(address);
    if (problem === undefined) return 0;
    io.stderr.write(`outrigger: ${formatAddress(address)}/readyz: ${problem}\n`);
    return 1;
  },
};

/**
 * The file's admin.listen. Nothing else of the file matters here: a mistake made in it after the start must not make a
 * process that goes on well with its old policies look ill.
 */
function addressInFile(file: string, io: Io): Address {
  try {
    // A probe waits for no pipe.
    const readFile: ReadFile = (path) => readInput(path, 'refuse').bytes;
    const text = Buffer.from(readFile(file)).toString('utf8');
    const files = new Files(file, readFile);
    const variables = { env: io.env, readText: (path: string) => files.text(path) };
    const document = readDocument(text, new Issues(new SourceText(file, text)), variables);
    return parseAddress(stringAt(document, 'admin', 'listen') ?? '') ?? DEFAULT_ADMIN;
  } catch {
    return DEFAULT_ADMIN;
  }
}

/** What is wrong, if anything. */
async function askReady(address: Address): Promise<string | undefined> {
  try {
    const { status, reason } = await get(address, '/readyz');
    return status === 200 ? undefined : `${status} ${reason}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function get(address: Address, path: string): Promise<{ readonly status: number; readonly reason: string }> {
  return new Promise((resolve, reject) => {
    const to =
      address.kind === 'unix' ? { socketPath: address.path } : { host: reachable(address.host), port: address.port };
    const asked = request({ ...to, path, agent: false });
    const timer = systemClock.setTimer(TIMEOUT_MS, () => {
      asked.destroy(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`));
    });
    asked.on('response', (response: IncomingMessage) => {
      let reason = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        reason = (reason + text).slice(0, MAX_REASON);
      });
      response.on('end', () => {
        timer.cancel();
        resolve({ status: response.statusCode ?? 0, reason: reason.trim().replace(/\s+/g, ' ') });
      });
      response.on('error', reject);
    });
    asked.on('error', (error) => {
      timer.cancel();
      reject(error);
    });
    asked.end();
  });
}

/** An address that stands for all of the machine's is asked on the loopback. */
function reachable(host: string | undefined): string {
  if (host === undefined || host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
