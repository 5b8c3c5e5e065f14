import { endBroken } from '../policies/containment.js';
import type { Dispatch, Policy } from '../policies/policy.js';

/** One layer of the column: what it is, why it stands where it stands, and the policy; none where it is off. */
export interface Layer {
  readonly name: string;
  readonly why: string;
  readonly policy: Policy | undefined;
}

/**
 * Stacks policies around a dispatch function. They are written outermost first, as people read, and turned round here and
 * nowhere else: each policy wraps those after it. One that throws ends the call for those before it, which hold places and
 * timers, as an attempt that failed would.
 */
export function stack(outermostFirst: readonly (Policy | undefined)[], innermost: Dispatch): Dispatch {
  return outermostFirst.reduceRight<Dispatch>(
    (dispatch, policy) => (policy === undefined ? dispatch : contained(policy(dispatch))),
    innermost,
  );
}

function contained(dispatch: Dispatch): Dispatch {
  return (opts, handler) => {
    try {
      return dispatch(opts, handler);
    } catch (cause) {
      endBroken(handler, cause);
      return true;
    }
  };
}
