/**
 * Outrigger's policies inside a process, given to undici's fetch: `node in-process-fetch.js FLAKY_URL DOWN_URL`.
 *
 * The first service answers 503 now and then, the second is down. With the demo upstream of `npm start`:
 * node in-process-fetch.js http://127.0.0.1:9000 http://127.0.0.1:9
 */
import { createPolicies, OutriggerError, withPolicies, type PolicyEvent } from 'outrigger';
import { Agent, fetch } from 'undici';

const [flakyUrl = 'http://127.0.0.1:9000', downUrl = 'http://127.0.0.1:9'] = process.argv.slice(2);

/** Every policy tells what it does. */
function listen(event: PolicyEvent): void {
  if (event.type === 'retry') console.log(`retry after attempt ${event.attempt.number}: ${event.reason}`);
  if (event.type === 'circuit') console.log(`circuit of ${event.key}: ${event.from} -> ${event.to}`);
}

/** One set of policies protects one upstream. The options are those of the policy file. */
function protectedBy(agent: Agent) {
  const policies = createPolicies(
    {
      timeout: '5s',
      attemptTimeout: '1s',
      retry: { maxAttempts: 4, backoff: { base: '10ms' } },
      circuitBreaker: { consecutiveFailures: 4, openFor: '5s', probeShare: 0 },
      fallback: { on: ['timeout'], steps: [{ response: { status: 200, body: '{"items":[]}' } }] },
    },
    { emit: listen },
  );
  return withPolicies(agent, policies);
}

const agent = new Agent();
const flaky = protectedBy(agent);
const down = protectedBy(agent);

// A GET is tried again by itself.
const get = await fetch(`${flakyUrl}/flaky`, { dispatcher: flaky });
console.log(`GET: ${get.status} ${await get.text()}`);

// A POST only if it says that doing it twice is harmless; its body is sent again as it was.
const post = await fetch(`${flakyUrl}/flaky`, {
  method: 'POST',
  body: JSON.stringify({ amount: 1 }),
  headers: { 'idempotency-key': 'order-1' },
  dispatcher: flaky,
});
console.log(`POST: ${post.status} ${await post.text()}`);

// Bodies stream, at the reader's pace.
const stream = await fetch(`${flakyUrl}/big?mb=1`, { dispatcher: flaky });
let bytes = 0;
for await (const chunk of stream.body ?? []) bytes += (chunk as Uint8Array).length;
console.log(`stream: ${bytes} bytes`);

// An AbortSignal ends the call and all that runs for it.
try {
  await fetch(`${flakyUrl}/hang`, { signal: AbortSignal.timeout(100), dispatcher: flaky });
} catch (error) {
  console.log(`abort: ${error instanceof Error ? error.name : String(error)}`);
}

// What hangs is cut after the attempt timeout, and the fallback answers.
const fallback = await fetch(`${flakyUrl}/hang`, { method: 'POST', dispatcher: flaky });
console.log(`fallback: ${fallback.status} ${await fallback.text()}`);

// A service that is down is left in peace: the error says so by its code.
for (const call of [1, 2]) {
  try {
    await fetch(downUrl, { dispatcher: down });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    console.log(`call ${call}: ${cause instanceof OutriggerError ? cause.code : String(cause)}`);
  }
}

await agent.destroy();
