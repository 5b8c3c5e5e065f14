/** Scrapes as Prometheus does, in a process of its own: a URL comes over the IPC channel, and a Scraped goes back. */
import { get } from 'node:http';

export interface Scraped {
  readonly ms: number;
  readonly bytes: number;
  /** Lines that are samples. */
  readonly samples: number;
}

process.on('message', (url: string) => {
  const from = performance.now();
  get(url, { agent: false, headers: { accept: 'application/openmetrics-text;version=1.0.0' } }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => {
      const ms = performance.now() - from;
      const text = Buffer.concat(chunks);
      const samples = text.toString('latin1').match(/^[^#\n]/gm)?.length ?? 0;
      const scraped: Scraped = { ms, bytes: text.length, samples };
      process.send?.(scraped);
    });
  });
});
process.on('disconnect', () => process.exit(0));
