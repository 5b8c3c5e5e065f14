import { connect as connectPlain, isIP, type LookupFunction, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../../runtime/clock.js';

/** Where connections go, and how they are made. */
export interface ConnectorOptions {
  /** scheme://host:port */
  readonly origin: string;
  /** One of the addresses of the origin's name; undefined: the operating system finds one for each connection. */
  readonly address: string | undefined;
  /** With the TLS handshake. */
  readonly connectTimeoutMs: number;
  readonly tls: {
    readonly ca: string | undefined;
    readonly cert: string | undefined;
    readonly key: string | undefined;
    readonly serverName: string | undefined;
    readonly verify: boolean;
  };
  readonly clock: Clock;
}

/** How soon the kernel asks an idle peer whether it still lives. */
const KEEP_ALIVE_PROBE_MS = 60_000;

/** Makes connections to one place. */
export class Connector {
  readonly #options: ConnectorOptions;
  readonly #host: string;
  readonly #port: number;
  readonly #secure: boolean;
  readonly #lookup: LookupFunction | undefined;
  /** What TLS asks for; an address is no server name (RFC 6066, 3): the certificate is then held against the address. */
  readonly #serverName: string | undefined;
  /** The last session that the server offered: the next handshake is shorter by a round trip, and cheaper. */
  #session: Buffer | undefined;

  constructor(options: ConnectorOptions) {
    const { protocol, hostname, port } = new URL(options.origin);
    this.#options = options;
    this.#host = hostname.replace(/^\[(.*)\]$/, '$1');
    this.#secure = protocol === 'https:';
    this.#port = port === '' ? (this.#secure ? 443 : 80) : Number(port);
    this.#lookup = options.address === undefined ? undefined : always(options.address);
    this.#serverName = options.tls.serverName ?? (isIP(this.#host) === 0 ? this.#host : undefined);
  }

  /** Whether connections take `onread`: TLS has buffers of its own. */
  get readsPlain(): boolean {
    return !this.#secure;
  }

  /**
   * Connects, TLS included. `settled` is called once.
   *
   * @param onread where what is read goes, instead of `data` events; see net.connect
   * @returns the socket, to destroy it before its time: `settled` is then called with an error
   */
  connect(settled: (error: Error | undefined, socket: Socket) => void, onread?: OnReadOpts): Socket {
    const { clock, connectTimeoutMs } = this.#options;
    const socket = this.#secure ? this.#startTls() : this.#startPlain(onread);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
    const timer = clock.setTimer(connectTimeoutMs, () => socket.destroy(new ConnectTimeout(connectTimeoutMs)));
    const connected = this.#secure ? 'secureConnect' : 'connect';
    const settle = (error?: Error) => {
      timer.cancel();
      socket.off(connected, onConnected).off('error', settle).off('close', onClose);
      // An error that comes once nobody waits any more must find a listener.
      if (error !== undefined) socket.on('error', () => {});
      settled(error, socket);
    };
    const onConnected = () => settle();
    const onClose = () => settle(new Error('the connection was closed while it was made'));
    socket.on(connected, onConnected).on('error', settle).on('close', onClose);
    return socket;
  }

  #startPlain(onread: OnReadOpts | undefined): Socket {
    return connectPlain({
      host: this.#host,
      port: this.#port,
      ...(this.#lookup === undefined ? {} : { lookup: this.#lookup }),
      ...(onread === undefined ? {} : { onread }),
    });
  }

  #startTls(): Socket {
    const { ca, cert, key, verify } = this.#options.tls;
    const socket = connectTls({
      host: this.#host,
      port: this.#port,
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: verify,
      servername: this.#serverName ?? '',
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(this.#lookup === undefined ? {} : { lookup: this.#lookup }),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    });
    socket.on('session', (session) => (this.#session = session));
    // A session that a server does not like must not spoil the next attempt too.
    socket.once('error', () => (this.#session = undefined));
    return socket;
  }
}

/** Its code is the operating system's own for a connection that took too long. */
class ConnectTimeout extends Error {
  override readonly name = 'ConnectTimeout';
  readonly code = 'ETIMEDOUT';

  constructor(ms: number) {
    super(`no connection within ${ms} ms`);
  }
}

/** A lookup that has the answer already. */
function always(address: string): LookupFunction {
  const family = isIP(address);
  return (_hostname, { all }, callback) => {
    if (all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}
