import { parseAddress, type Address } from '../config/addresses.js';
import { UsageError } from './command.js';

/** Where the policy file is when nothing says otherwise, from the working directory. */
const DEFAULT_FILE = 'config/outrigger.yaml';

type Env = Readonly<Record<string, string | undefined>>;
type Values = Readonly<Record<string, string | undefined>>;

/** A flag beats the environment. An empty variable counts as unset. */
function setting(values: Values, flag: string, env: Env, variable: string): { text: string; name: string } | undefined {
  const given = values[flag];
  if (given !== undefined) return { text: given, name: `--${flag}` };
  const text = env[variable];
  return text === undefined || text === '' ? undefined : { text, name: variable };
}

/** The policy file: --config, OUTRIGGER_CONFIG, or the default. */
export function policyFile(values: Values, env: Env): string {
  return setting(values, 'config', env, 'OUTRIGGER_CONFIG')?.text ?? DEFAULT_FILE;
}

/** Where calls are taken: --listen or OUTRIGGER_LISTEN, several with commas between; undefined: as the file says. */
export function listenAddresses(values: Values, env: Env): readonly Address[] | undefined {
  const given = setting(values, 'listen', env, 'OUTRIGGER_LISTEN');
  return given?.text.split(',').map((text) => address(text.trim(), given.name));
}

/** The admin address: --admin-listen or OUTRIGGER_ADMIN_LISTEN; undefined: as the file says. */
export function adminAddress(values: Values, env: Env): Address | undefined {
  const given = setting(values, 'admin-listen', env, 'OUTRIGGER_ADMIN_LISTEN');
  return given === undefined ? undefined : address(given.text, given.name);
}

function address(text: string, name: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new UsageError(`${name}: '${text}' is no address: host:port, :port or unix:/path`);
  return parsed;
}
