import type { Address } from '../config/addresses.js';
import type { Config } from '../config/config.js';
import { ConfigError } from '../config/issues.js';
import { loadConfig } from '../config/load.js';
import { createLogger, type Logger } from '../observability/logging.js';
import { systemClock, type Clock } from '../runtime/clock.js';
import { systemRandom, type Random } from '../runtime/random.js';
import { readArguments, type Command, type Flags } from './command.js';
import { startDemo, type Demo } from './demo.js';
import type { Io } from './io.js';
import { adminAddress, listenAddresses, policyFile } from './settings.js';
import { untilSignalled } from './signals.js';
import { version } from './version.js';

/** What the composition root is given. */
export interface AppOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** Outrigger's own version. */
  readonly version: string;
}

/** Where an app listens: `http://host:port` or `unix:/path`. */
export interface Listening {
  readonly listen: readonly string[];
  readonly admin: string;
}

/** The proxy, put together. */
export interface App {
  /** Listens. Fails with a message for people if it can't. */
  start(): Promise<Listening>;
  /** Ends when what is in flight has ended, or at drainTimeout. */
  drain(): Promise<void>;
  /** Cuts everything. */
  closeNow(): void;
}

export type CreateApp = (options: AppOptions) => App;

const flags: Flags = {
  config: { value: 'FILE', help: 'the policy file (OUTRIGGER_CONFIG; config/outrigger.yaml)' },
  listen: { value: 'ADDRESS', help: 'where calls are taken, several with commas between (OUTRIGGER_LISTEN)' },
  'admin-listen': { value: 'ADDRESS', help: 'the admin address (OUTRIGGER_ADMIN_LISTEN)' },
  demo: { help: 'start a flaky upstream too, and say what to try' },
};

/** Starts the proxy, and ends with it. */
export function runCommand(createApp: CreateApp): Command {
  return {
    usage: '[--config FILE] [--listen ADDRESS] [--admin-listen ADDRESS] [--demo]',
    about:
      'Takes calls until SIGTERM or SIGINT, then finishes what is in flight and ends with 0; a second signal ends at once. ' +
      'A flag beats the environment, which beats the file.',
    flags,
    async run(args, io) {
      const { values, switches } = readArguments(args, flags);
      const file = policyFile(values, io.env);
      const listen = listenAddresses(values, io.env);
      const admin = adminAddress(values, io.env);
      const demo = switches.has('demo') ? await startDemo() : undefined;
      const config = read(file, demo, io);
      return config === undefined ? 2 : serve(withAddresses(config, listen, admin), createApp, demo, io);
    },
  };
}

/** Undefined if the file can not be taken; everything that is wrong with it has been said then. */
function read(file: string, demo: Demo | undefined, io: Io): Config | undefined {
  try {
    return loadConfig(file, { env: demo === undefined ? io.env : { ...io.env, DEMO_URL: demo.url } });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.stderr.write(`${error.format()}\n`);
    return undefined;
  }
}

function withAddresses(config: Config, listen: readonly Address[] | undefined, admin: Address | undefined): Config {
  return {
    ...config,
    listen: listen ?? config.listen,
    admin: { ...config.admin, listen: admin ?? config.admin.listen },
  };
}

async function serve(config: Config, createApp: CreateApp, demo: Demo | undefined, io: Io): Promise<number> {
  const logger = createLogger(config.log);
  dieOnBugs(logger);
  const app = createApp({ config, logger, clock: systemClock, random: systemRandom, version });
  return untilSignalled(app, logger, async () => {
    let listening: Listening;
    try {
      listening = await app.start();
    } catch (error) {
      io.stderr.write(`outrigger: ${error instanceof Error ? error.message : String(error)}\n`);
      logger.debug({ err: error }, 'could not start');
      return 1;
    }
    for (const address of listening.listen) logger.info({ address }, 'listening');
    logger.info({ address: listening.admin }, 'admin listening');
    logger.info({ version, node: process.versions.node, config: config.file }, 'started');
    if (demo !== undefined) io.stderr.write(demo.hints(listening.listen[0] ?? '', listening.admin));
    return undefined;
  });
}

/** A bug leaves the process in a state that nobody has thought of: it ends, and whoever supervises it starts another. */
function dieOnBugs(logger: Logger): void {
  process.on('uncaughtException', (error, origin) => {
    logger.fatal({ err: error, origin }, 'bug');
    process.exit(1);
  });
}
