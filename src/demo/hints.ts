/** What to try first, for `outrigger run --demo`. The paths are those of the demo upstream and of config/outrigger.yaml. */
interface Hint {
  readonly shows: string;
  readonly command: string;
}

/** A short list of commands, each with what it shows. Both addresses are origins such as `http://127.0.0.1:8080`. */
export function demoHints(listenUrl: string, adminUrl: string): string {
  const hints: readonly Hint[] = [
    {
      shows: 'a flaky upstream gets a second chance: see x-outrigger-attempts',
      command: `curl -i ${listenUrl}/flaky`,
    },
    {
      // A call a second: faster, and so many failures might open the circuit, which is shown further down.
      shows: 'ten calls, about nine of them 200, although 45 in 100 attempts fail',
      command: `for i in $(seq 10); do curl -s -o /dev/null -w '%{http_code} ' ${listenUrl}/flaky; sleep 1; done; echo`,
    },
    {
      shows: 'a Retry-After is obeyed: 200 after two seconds and three attempts',
      command: `curl -i ${listenUrl}/retry-after`,
    },
    { shows: 'a POST is never doubled: one attempt', command: `curl -i -d pay=1 ${listenUrl}/503` },
    {
      shows: '... unless its key says that doubling does no harm: three',
      command: `curl -i -d pay=1 -H 'idempotency-key: 1' ${listenUrl}/503`,
    },
    { shows: 'a hanging attempt is cut; the answer is ours and says why', command: `curl -i ${listenUrl}/hang` },
    { shows: 'when nothing helps, the fallback answers', command: `curl -i ${listenUrl}/fallback/503` },
    {
      shows: 'an outage of 10 s: after a few calls the circuit opens, then 503 within milliseconds',
      command:
        `curl -X POST '${listenUrl}/_/down?for=10s'; ` +
        `for i in $(seq 30); do curl -s -o /dev/null -w '%{http_code} in %{time_total} s\\n' ${listenUrl}/ok; done`,
    },
    {
      // A call a second here, too: once closed, the circuit takes a second to let all traffic through again.
      shows: '... and closes by itself once the upstream is back: 503 turns into 200',
      command: `for i in $(seq 18); do curl -s -o /dev/null -w '%{http_code} ' ${listenUrl}/ok; sleep 1; done; echo`,
    },
    {
      shows: `all of it in a browser: ${adminUrl}/; for your Prometheus: retries per call, the circuit, why retries were not made`,
      command: `curl -s ${adminUrl}/metrics | grep -E '^outrigger_(retry_ratio|circuit_state|retries_suppressed_total)' | grep -v ' 0$'`,
    },
  ];
  return hints.map(({ shows, command }) => `  # ${shows}\n  ${command}\n`).join('\n');
}
