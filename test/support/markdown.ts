/** What tests look for in the project's Markdown files. */
import { readdirSync, readFileSync } from 'node:fs';
import { projectRoot } from './project-root.js';

/** A fenced block of a Markdown file. */
export interface Block {
  /** The first word behind the fence. */
  readonly language: string;
  /** What follows it there. */
  readonly note: string;
  readonly text: string;
  /** Where it begins: file and line. */
  readonly at: string;
}

/** Files at the root, and all below docs/, from the project's root. */
export function markdownFiles(): string[] {
  const inDocs = readdirSync(`${projectRoot}docs`, { recursive: true, encoding: 'utf8' });
  return [
    ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'],
    ...inDocs
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`)
      .sort(),
  ];
}

/** The text of a file of the project. */
export function readText(file: string): string {
  return readFileSync(projectRoot + file, 'utf8');
}

/** The fenced blocks of a Markdown file, of one language if it is given. */
export function blocksOf(file: string, language?: string): Block[] {
  const text = readText(file);
  return [...text.matchAll(/^```(\S+)(?: +([^\n]*))?\n(.*?)^```$/gms)].flatMap((match) => {
    const [, own = '', note = '', body = ''] = match;
    const line = text.slice(0, match.index).split('\n').length;
    return language === undefined || own === language
      ? [{ language: own, note, text: body, at: `${file}:${line}` }]
      : [];
  });
}

/** Where a Markdown file links to within the project, but to places of its own. */
export function linksOf(file: string): string[] {
  return [...proseOf(file).matchAll(/\]\((?!https?:|mailto:|#)([^)\s]+)\)/g)].map((match) => match[1]!);
}

/** The text of a Markdown file outside of its fenced blocks. */
export function proseOf(file: string): string {
  return readText(file).replace(/^```.*?^```$/gms, '');
}

/** The anchors that GitHub gives a file's headings. */
export function anchorsOf(file: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of proseOf(file).matchAll(/^#+ +(.+)$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}
