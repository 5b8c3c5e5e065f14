import type { Dispatch, Policy } from '../policies/policy.js';

/** One layer of the column: what it is, why it stands where it stands, and the policy; none where it is off. */
export interface Layer {
  readonly name: string;
  readonly why: string;
  readonly policy: Policy | undefined;
}

/**
 * Stacks policies around a dispatch function. They are written outermost first, as people read, and turned round here and
 * nowhere else: each policy wraps those after it.
 */
export function stack(outermostFirst: readonly (Policy | undefined)[], innermost: Dispatch): Dispatch {
  return outermostFirst.reduceRight<Dispatch>(
    (dispatch, policy) => (policy === undefined ? dispatch : policy(dispatch)),
    innermost,
  );
}
