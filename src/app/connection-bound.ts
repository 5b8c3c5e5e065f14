/** Descriptors that are not for calls: files, the log, name look-ups, the admin address. */
const OWN_DESCRIPTORS = 64;

/**
 * How many connections of apps may be open, so that descriptors can't run out: a call takes one for its app and one for its
 * upstream. Without this, a process out of them could not refuse anybody: the system accepts and closes connections itself,
 * and nothing hears of it.
 *
 * @param configured `limits.maxConnections`
 * @param descriptors how many the process may have
 */
export function connectionBound(configured: number, descriptors: number): number {
  return Math.max(1, Math.min(configured, Math.floor((descriptors - OWN_DESCRIPTORS) / 2)));
}
