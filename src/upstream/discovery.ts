import { isIP } from 'node:net';
import { ADDRCONFIG } from 'node:dns';
import { lookup as systemLookupAll } from 'node:dns/promises';
import { Type, type Static } from '@sinclair/typebox';
import type { Clock, Random, Timer } from '../policies/policy.js';
import { choice, positiveDuration } from '../policies/rules/option-types.js';

/**
 * Finds the addresses behind an endpoint's name and follows their changes. With `each`, a name is looked up as the
 * operating system does it, so that /etc/hosts and search domains count. Names whose answers rotate (content networks,
 * cloud storage) want `one`: each answer would otherwise replace all connections.
 */
export const DiscoveryOptions = Type.Object(
  {
    dns: choice(
      ['each', 'one'],
      'each',
      'each: every address of a name is an endpoint (headless services); one: the name is.',
    ),
    refresh: positiveDuration('5s', 'How often names are looked up.'),
  },
  { additionalProperties: false, description: "Finds the addresses behind an endpoint's name." },
);
export type DiscoveryOptions = Static<typeof DiscoveryOptions>;

/** The addresses of a name, the preferred ones first. Rejects, or answers with none, when there are none. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/** Asks the operating system (getaddrinfo), for address families that the machine has. */
export const systemLookup: Lookup = async (hostname) => {
  const answers = await systemLookupAll(hostname, { all: true, hints: ADDRCONFIG });
  return answers.map(({ address }) => address);
};

/** The name in an origin that has to be looked up; undefined for an address. */
export function nameIn(origin: string): string | undefined {
  const { hostname } = new URL(origin);
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : undefined;
}

/**
 * Which addresses of an answer are endpoints, in an order that does not depend on the answer's; undefined stands for the
 * name itself.
 *
 * A machine with both families has two addresses and must not count twice, and a family may lead nowhere from here: only
 * the family that the operating system puts first counts (RFC 6724 puts addresses without a route last). Loopback has a
 * route in both, and a development server often listens on one only: there the name is the endpoint, and connecting tries
 * one address after the other (RFC 8305).
 */
export function endpointAddresses(answer: readonly string[]): readonly (string | undefined)[] {
  const addresses = [...new Set(answer)];
  const family = isIP(addresses[0] ?? '');
  const preferred = addresses.filter((address) => isIP(address) === family);
  if (preferred.length < addresses.length && addresses.every(isLoopback)) return [undefined];
  return preferred.sort();
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** A lookup is made up to this share of `refresh` sooner, so that a fleet that started together does not ask together. */
const REFRESH_JITTER = 0.2;

export interface NameWatchOptions {
  readonly hostname: string;
  readonly refreshMs: number;
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly random: Random;
  readonly onAnswer: (addresses: readonly string[]) => void;
  /** The last answer stays in force. */
  readonly onFailure: (error: unknown) => void;
}

/** Looks a name up again and again, one lookup at a time. */
export class NameWatch {
  readonly #options: NameWatchOptions;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: NameWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const { hostname, lookup } = this.#options;
    lookup(hostname).then(
      (addresses) => this.#answered(addresses),
      (error: unknown) => this.#failed(error),
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #answered(addresses: readonly string[]): void {
    if (this.#stopped) return;
    this.#startLater();
    if (addresses.length > 0) this.#options.onAnswer(addresses);
    else this.#options.onFailure(new Error('the name has no addresses'));
  }

  #failed(error: unknown): void {
    if (this.#stopped) return;
    this.#startLater();
    this.#options.onFailure(error);
  }

  #startLater(): void {
    const { refreshMs, clock, random } = this.#options;
    const delayMs = refreshMs * (1 - REFRESH_JITTER * random());
    this.#timer = clock.setTimer(delayMs, () => this.start(), true);
  }
}
