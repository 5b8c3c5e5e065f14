/** Prometheus's own checker, for what we give to Prometheus. It comes with Debian's package prometheus; .ci/run installs it. */
import { spawnSync } from 'node:child_process';

const present = spawnSync('promtool', ['--version']).error === undefined;

/** For a test's `skip`: where promtool is missing, a test is skipped and says so; in CI it runs, and fails. */
export const skipWithoutPromtool =
  present || process.env.CI === 'true' ? false : 'promtool (Debian package prometheus) is not here';

/** Runs promtool; returns its exit code and all that it said. */
export function promtool(args: readonly string[], input = ''): { readonly code: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { code: status, said: `${stdout}${stderr}` };
}
