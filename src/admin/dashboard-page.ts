import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** The dashboard, as it is sent. */
interface Page {
  readonly html: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Beside this file, or beside the bundle that it is in: build/dashboard.js puts it there. */
const FILE = new URL('dashboard.html', import.meta.url);

let page: Page | undefined;

/** Whether a browser asks, and not curl. */
export function wantsPage(accept: string | undefined): boolean {
  return /\btext\/html\b/i.test(accept ?? '');
}

/** Seldom asked for: read the first time, and kept. Fails if the page was not built. */
export async function dashboard(): Promise<Page> {
  page ??= pageOf(await readFile(FILE));
  return page;
}

/** A page may run its own script and styles, known by their digests, talk to where it came from, and nothing else. */
function pageOf(html: Buffer): Page {
  const text = html.toString('utf8');
  const policy = [
    "default-src 'none'",
    `script-src ${digests(text, 'script')}`,
    `style-src ${digests(text, 'style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    // No text becomes HTML, script or a URL of one, whatever it says and whatever a bug would do with it.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    html,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy.join('; '),
      'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    },
  };
}

/** The sources of a policy that allow the texts of a page's elements of a name. */
function digests(html: string, element: 'script' | 'style'): string {
  const texts = [...html.matchAll(new RegExp(`<${element}>(.*?)</${element}>`, 'gs'))].map(([, text = '']) => text);
  return texts.map((text) => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`).join(' ');
}
