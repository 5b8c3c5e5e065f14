/** How a piece of text stands out on a terminal. */
export type Look = 'heading' | 'good' | 'bad' | 'doubtful' | 'quiet';

/** Makes text stand out, or leaves it as it is. */
export type Paint = (look: Look, text: string) => string;

/** A cell that is longer moves the rest of its row, and not all rows. */
const WIDEST = 40;

/** Rows of cells under each other, two blanks apart; the last cell of a row is wrapped. */
export function table(rows: readonly (readonly string[])[], indent: number, width: number): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    // What stands alone at the end of its row needs no room beside it.
    Math.max(0, ...rows.map((row) => (column < row.length - 1 ? (row[column] ?? '').length : 0)).filter(isNarrow)),
  );
  return rows.flatMap((row) => {
    const lead = row.slice(0, -1).map((cell, column) => `${cell.padEnd(widths[column] ?? 0)}  `);
    const start = ' '.repeat(indent) + lead.join('');
    const [first = '', ...more] = wrap(row.at(-1) ?? '', width - start.length);
    return [(start + first).trimEnd(), ...more.map((line) => ' '.repeat(start.length) + line)];
  });
}

/** Breaks a text at blanks into lines of at most `width` letters, or of one word that is longer. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > Math.max(20, width)) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function isNarrow(length: number): boolean {
  return length <= WIDEST;
}
