import type { CST } from 'yaml';

/**
 * Whether what a YAML parser found is nested deeper than `most`. Asked before it is composed into a document: composing
 * recurses, and at the end of the stack V8 may end the process instead of throwing (it compiles a regular expression
 * there). The parser keeps its own stack, and so does this.
 */
export function nestsDeeperThan(tokens: Iterable<CST.Token>, most: number): boolean {
  let level: CST.Token[] = [];
  for (const token of tokens) {
    if (token.type === 'document' && token.value !== undefined) level.push(token.value);
  }
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true;
    level = level.flatMap(childrenOf);
  }
  return false;
}

function childrenOf(token: CST.Token): CST.Token[] {
  if (!('items' in token)) return [];
  const children: CST.Token[] = [];
  for (const { key, value } of token.items) {
    if (key !== undefined && key !== null) children.push(key);
    if (value !== undefined) children.push(value);
  }
  return children;
}
