/** The browser's time; everything else in the dashboard is given it from here. */

/** Milliseconds since the Unix epoch. */
export function now(): number {
  return Date.now();
}

/** Calls back once, after so many milliseconds, unless it is cancelled by what is returned. */
export function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

/** Calls back again and again. */
export function every(ms: number, callback: () => void): void {
  setInterval(callback, ms);
}
