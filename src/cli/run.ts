import { existsSync } from 'node:fs';
import type { App, AppOptions } from '../app.js';
import { PolicyFile, type PolicySource } from '../app/policy-file.js';
import type { Listening } from '../app/sidecar.js';
import { tellWarnings } from '../app/tell-warnings.js';
import { formatAddress, type Address } from '../config/addresses.js';
import type { Config } from '../config/config.js';
import { ConfigError } from '../config/issues.js';
import { builtIn, merge } from '../config/nodes.js';
import { createLogger, type Logger } from '../observability/logging.js';
import { readable } from '../observability/readable-log.js';
import { Redaction } from '../observability/redaction.js';
import { StdoutStream } from '../observability/stdout-stream.js';
import { systemClock } from '../runtime/clock.js';
import { descriptorLimit } from '../runtime/descriptors.js';
import { systemRandom } from '../runtime/random.js';
import { tuneCollector } from '../runtime/v8-flags.js';
import { readArguments, type Command, type Flags } from './command.js';
import type { Demo } from './demo.js';
import type { Io } from './io.js';
import { adminAddress, listenAddresses, policyFile } from './settings.js';
import { untilSignalled } from './signals.js';
import { version } from './version.js';

export type CreateApp = (options: AppOptions) => App;

/** For who has started it where no policy file is. */
const OTHER_FILE = '  write --config FILE, or set OUTRIGGER_CONFIG, for another one\n';

/** What the log gets to be written when the process ends, in milliseconds. */
const LAST_LINES_MS = 500;

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
      tuneCollector();
      const { values, switches } = readArguments(args, flags);
      const file = policyFile(values, io.env);
      const listen = listenAddresses(values, io.env);
      const admin = adminAddress(values, io.env);
      // Only who asks for the demo pays for it.
      const demo = switches.has('demo') ? await (await import('./demo.js')).startDemo() : undefined;
      const env = demo === undefined ? io.env : { ...io.env, DEMO_URL: demo.url };
      const source = new PolicyFile(file, env, (config) => withAddresses(config, listen, admin));
      const config = read(source, io);
      if (config === undefined && !existsSync(file)) io.stderr.write(OTHER_FILE);
      return config === undefined ? 2 : serve(config, source, createApp, demo, io);
    },
  };
}

/** Undefined if the file can not be taken; everything that is wrong with it has been said then. */
function read(source: PolicySource, io: Io): Config | undefined {
  try {
    return source.load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.stderr.write(`${error.format()}\n`);
    return undefined;
  }
}

function withAddresses(config: Config, listen: readonly Address[] | undefined, admin: Address | undefined): Config {
  const given = {
    ...(listen === undefined ? {} : { listen: listen.map(formatAddress) }),
    ...(admin === undefined ? {} : { admin: { listen: formatAddress(admin) } }),
  };
  const effective = merge(config.effective, builtIn(given));
  return {
    ...config,
    listen: listen ?? config.listen,
    admin: { ...config.admin, listen: admin ?? config.admin.listen },
    effective: effective?.kind === 'map' ? effective : config.effective,
  };
}

async function serve(
  config: Config,
  source: PolicySource,
  createApp: CreateApp,
  demo: Demo | undefined,
  io: Io,
): Promise<number> {
  const stream = new StdoutStream(systemClock);
  const redaction = new Redaction(config.log.redact);
  const logger = createLogger(config.log, stream.isTerminal ? await readable(stream) : stream, redaction);
  dieOnBugs(logger, stream, io);
  tellWarnings(config, logger);
  const app = createApp({
    config,
    source,
    logger,
    redaction,
    logLinesDropped: () => stream.dropped,
    clock: systemClock,
    random: systemRandom,
    version,
    descriptors: descriptorLimit(),
  });
  const code = await untilSignalled(app, logger, async () => {
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
  await stream.flushed(LAST_LINES_MS);
  return code;
}

/** A bug leaves the process in a state that nobody has thought of: it ends, and whoever supervises it starts another. */
function dieOnBugs(logger: Logger, stream: StdoutStream, io: Io): void {
  process.on('uncaughtException', (error, origin) => {
    logger.fatal({ err: error, origin }, 'bug');
    // A death without a cause is the worst to look into.
    if (stream.gone || !logger.isLevelEnabled('fatal')) io.stderr.write(`outrigger: bug: ${error.stack}\n`);
    void stream.flushed(LAST_LINES_MS).then(() => process.exit(1));
  });
}
