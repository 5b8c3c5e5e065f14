import type { VariantResult } from './result.js';
import type { Fault, Scenario } from './scenario.js';
import type { VariantName } from './variants.js';

/** What the upstream does in the outage. */
const FAULT_WORDS: Readonly<Record<Fault, string>> = {
  '503': 'answers every attempt with 503, which costs it nothing: asking less gains nothing there',
  refuse: 'refuses every connection',
  hang: 'never answers',
  slow: 'has 30 % of its capacity left (load is given as a share of the whole)',
  restart: 'cuts off what it is working on, all at once, and then refuses every connection',
};

export const VARIANT_WORDS: Readonly<Record<VariantName, string>> = {
  policy: "the route's policies",
  none: 'no policy but the time that the route gives an attempt',
  'plain-retries': '3 attempts with exponential back-off, no budget, no circuit',
};

/** What was simulated, in two sentences. */
export function scenarioWords({ fleet, rate, capacity, latencyMs, fault, outageSeconds, brownout }: Scenario): string {
  const sidecars = fleet === 1 ? 'A sidecar makes' : `${number(fleet)} sidecars make`;
  const before = brownout > 0 ? `In the brownout ${percent(brownout)} of the attempts get a 503; in` : 'In';
  return (
    `${sidecars} ${number(rate)} calls a second${fleet === 1 ? '' : ' each'} to an upstream that serves ${number(capacity)} ` +
    `a second, in ${ms(latencyMs)} on average. ${before} the outage, ${outageSeconds} s long, it ${FAULT_WORDS[fault]}.`
  );
}

/** In a sentence, whether and when it came back. */
export function comeback({ phases, recoverySeconds }: VariantResult): string {
  if (recoverySeconds === undefined) {
    const recovery = phases.find(({ name }) => name === 'recovery');
    const within = recovery === undefined ? 0 : recovery.to - recovery.from;
    return `It did not come back, though the upstream was well again for ${within} s.`;
  }
  if (recoverySeconds === 0) return 'It came back at once when the upstream was well again.';
  return `It came back ${recoverySeconds} s after the upstream was well again.`;
}

/** In a sentence, what it did to the upstream meanwhile, and to the calls. */
export function meanwhile({ phases }: VariantResult): string {
  const outage = phases.find(({ name }) => name === 'outage');
  if (outage === undefined) return '';
  const peak = Math.max(...phases.map(({ peakOverCapacity }) => peakOverCapacity));
  return (
    `In the outage it asked the upstream ${outage.attemptsPerCall.toFixed(2)} times per call, and ` +
    `${percent(outage.success)} of the calls succeeded; the peak of its load was ${percent(peak)} of the capacity.`
  );
}

/** A share for people. Neither is a little nothing, nor nearly all all. */
export function percent(share: number): string {
  const hundredths = share * 100;
  if (hundredths <= 0 || hundredths >= 100) return `${hundredths.toFixed(0)} %`;
  const digits = hundredths < 1 || hundredths > 99 ? 2 : hundredths < 10 || hundredths > 90 ? 1 : 0;
  return `${trimmed(Math.min(99.99, Math.max(0.01, hundredths)).toFixed(digits))} %`;
}

/** Milliseconds for people. */
export function ms(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value >= 10_000) return `${(value / 1_000).toFixed(0)} s`;
  if (value >= 1_000) return `${trimmed((value / 1_000).toFixed(1))} s`;
  return `${trimmed(value.toFixed(value < 10 ? 1 : 0))} ms`;
}

export function number(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 2 });
}

function trimmed(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
