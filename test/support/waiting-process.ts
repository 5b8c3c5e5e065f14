/** A program with nothing to do but one call that is made again after a back-off: `waiting-process ORIGIN`. */
import { Agent, request } from 'undici';
import { createPolicies, withPolicies } from '../../src/index.js';

const [, , origin = ''] = process.argv;
const policies = createPolicies({
  retry: { maxAttempts: 2, backoff: { strategy: 'fixed', base: '300ms', jitter: 'none' } },
});
const agent = new Agent();
const { statusCode, body } = await request(origin, { dispatcher: withPolicies(agent, policies) });
await body.dump();
process.stdout.write(`answered ${statusCode}\n`);
await agent.close();
