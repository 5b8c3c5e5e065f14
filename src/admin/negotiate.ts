/** How much an Accept header wants a media type: its q, or 0 where it is not named (RFC 9110, 12.5.1). */
function quality(accept: string, type: string): number {
  let best = 0;
  for (const range of accept.split(',')) {
    const [name, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (name !== type) continue;
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    best = Math.max(best, q === undefined ? 1 : Number(q.slice(2)) || 0);
  }
  return best;
}

/** Whether a scraper asks for OpenMetrics, and at least as much as for the older text format. */
export function prefersOpenMetrics(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const wanted = quality(accept, 'application/openmetrics-text');
  return wanted > 0 && wanted >= quality(accept, 'text/plain');
}
