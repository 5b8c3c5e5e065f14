import { lstat, unlink } from 'node:fs/promises';
import { connect, type ListenOptions, type Server } from 'node:net';

/** Where to listen: a port (0 for a free one), on all addresses without a host; or a Unix socket. */
export type ListenAddress = { readonly host?: string; readonly port: number } | { readonly path: string };

/**
 * Has a server listen. Throws an Error whose message names the key and the address, and what is wrong with it. Returns the
 * address as people write it. A socket's file that a dead process left behind is replaced.
 */
export async function bind(server: Server, address: ListenAddress, key: string): Promise<string> {
  try {
    await open(server, address);
  } catch (error) {
    if (!('path' in address) || !isInUse(error) || !(await isStale(address.path))) throw explain(key, address, error);
    await unlink(address.path);
    await open(server, address).catch((again: unknown) => {
      throw explain(key, address, again);
    });
  }
  return boundAddress(server, address);
}

function open(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address as ListenOptions, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

/** Whether a socket's file was left behind: nobody answers at it. A file that is no socket is somebody's. */
async function isStale(path: string): Promise<boolean> {
  const file = await lstat(path);
  if (!file.isSocket()) return false;
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** What is wrong, and what to do about it. */
const REASONS: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  EADDRINUSE: ['address already in use', 'end what listens there, or choose another address'],
  EACCES: ['permission denied', 'choose a port from 1024, or a folder that may be written to'],
  EADDRNOTAVAIL: ['no such address on this machine', 'choose one that it has, such as 127.0.0.1'],
  ENOENT: ['no such directory', 'make it, or choose another'],
  ENOTFOUND: ['the name could not be resolved', 'write the address itself'],
};

/** Where an address is chosen, by its key in the policy file. */
const CHOICES: Readonly<Record<string, string>> = {
  listen: 'listen in the policy file, --listen or OUTRIGGER_LISTEN',
  'admin.listen': 'admin.listen in the policy file, --admin-listen or OUTRIGGER_ADMIN_LISTEN',
};

function explain(key: string, address: ListenAddress, cause: unknown): Error {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const [reason, remedy] = REASONS[code] ?? [cause instanceof Error ? cause.message : String(cause)];
  const choice = CHOICES[key];
  const advice = remedy === undefined ? '' : `; ${remedy}${choice === undefined ? '' : ` (${choice})`}`;
  return new Error(`${key} ${written(address)}: ${reason}${advice}`, { cause });
}

function boundAddress(server: Server, address: ListenAddress): string {
  const bound = server.address();
  return bound === null || typeof bound === 'string'
    ? written(address)
    : written({ host: bound.address, port: bound.port });
}

function written(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  const host = address.host ?? '';
  return `${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
