import { withCall } from './call-context.js';
import { isInterim, PassThrough } from './pass-through.js';
import type { Call, CallOptions, Controller, Handler, Policy, PolicyDeps, ResponseHeaders } from './policy.js';
import { invalidates, isSafe } from './rules/cacheable.js';
import type { StaleStores } from './stale-store.js';

/** Forgets the answers kept for a URL when a write to it succeeds, whichever routes they belong to (RFC 9111, 4.4). Outside the fallback: a write that another upstream took counts too. */
export function staleInvalidation(stores: StaleStores, deps: PolicyDeps): Policy {
  return (dispatch) => (given: CallOptions, handler) => {
    if (isSafe(given.method) || !stores.inUse) return dispatch(given, handler);
    const opts = withCall(given, deps.clock);
    const { call } = opts;
    return dispatch(opts, new WriteHandler(handler, call, () => stores.invalidate(resourceOf(call, opts))));
  };
}

/** What an answer is kept for: the URL that the app asked for. */
export function resourceOf(call: Call, opts: CallOptions): string {
  const query = opts.path.indexOf('?');
  return `${call.host.toLowerCase()} ${call.path}${query === -1 ? '' : opts.path.slice(query)}`;
}

class WriteHandler extends PassThrough {
  readonly #call: Call;
  readonly #succeeded: () => void;

  constructor(next: Handler, call: Call, succeeded: () => void) {
    super(next);
    this.#call = call;
    this.#succeeded = succeeded;
  }

  override onResponseStart(controller: Controller, status: number, headers: ResponseHeaders, text?: string): void {
    // A fixed answer of ours is no success of the write.
    const answered = !isInterim(status) && this.#call.fallback !== 'response';
    if (answered && invalidates(this.#call.method, status)) this.#succeeded();
    super.onResponseStart(controller, status, headers, text);
  }
}
