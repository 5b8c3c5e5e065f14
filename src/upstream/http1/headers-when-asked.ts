import type { ResponseHeaders } from '../../policies/policy.js';
import { headersByName } from '../../policies/rules/raw-headers.js';

const NONE: ResponseHeaders = Object.freeze({});

/**
 * Header values by name in lower case, as undici's handlers get them, made from the raw list at the first look: for most
 * answers nobody looks, since the edge passes the raw ones on.
 */
export function headersWhenAsked(raw: readonly string[]): ResponseHeaders {
  return raw.length === 0 ? NONE : new Proxy<ResponseHeaders>({}, new WhenAsked(raw));
}

class WhenAsked implements ProxyHandler<ResponseHeaders> {
  readonly #raw: readonly string[];
  #parsed: ResponseHeaders | undefined;

  constructor(raw: readonly string[]) {
    this.#raw = raw;
  }

  get(_target: ResponseHeaders, name: string | symbol): unknown {
    return Reflect.get(this.#fields(), name);
  }

  has(_target: ResponseHeaders, name: string | symbol): boolean {
    return Reflect.has(this.#fields(), name);
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.#fields());
  }

  getOwnPropertyDescriptor(_target: ResponseHeaders, name: string | symbol): PropertyDescriptor | undefined {
    return Reflect.getOwnPropertyDescriptor(this.#fields(), name);
  }

  #fields(): ResponseHeaders {
    return (this.#parsed ??= headersByName(this.#raw));
  }
}
