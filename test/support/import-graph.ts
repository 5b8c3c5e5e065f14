/** Reads which file of src imports which, and holds it against the table of rooms (rooms.json). */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { projectRoot } from './project-root.js';

/** What a room may import: other rooms, other rooms for their types only, and packages. */
export interface Room {
  readonly imports: readonly string[];
  readonly types: readonly string[];
  readonly packages: readonly string[];
}
export type Rooms = Readonly<Record<string, Room>>;

export interface Import {
  readonly specifier: string;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
}

/** Source texts by their path below src, such as `edge/server.ts`. */
export type Sources = ReadonlyMap<string, string>;

export function readRooms(): Rooms {
  return JSON.parse(readFileSync(`${projectRoot}test/support/rooms.json`, 'utf8')) as Rooms;
}

export function readSources(): Sources {
  const files = readdirSync(`${projectRoot}src`, { recursive: true, encoding: 'utf8' });
  return new Map(
    files
      .filter((file) => file.endsWith('.ts'))
      .sort()
      .map((file) => [file.split(path.sep).join('/'), readFileSync(`${projectRoot}src/${file}`, 'utf8')]),
  );
}

/** `edge/server.ts` is in the room `edge`; `errors.ts` is a room of its own. */
export function roomOf(file: string): string {
  const slash = file.indexOf('/');
  return slash === -1 ? file.replace(/\.[jt]s$/, '') : file.slice(0, slash);
}

/** Every import, export from, `import()` and `import('…')` type of a source text. */
export function importsOf(source: string): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, typeOnly: boolean) => {
    if (node !== undefined && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest));
  return found;
}

/** The path below src of the file that `specifier` names in `file`. */
function resolve(file: string, specifier: string): string {
  return path.posix.join(path.posix.dirname(file), specifier).replace(/\.js$/, '.ts');
}

/** What is wrong with one import, if anything. */
function judge(rooms: Rooms, sources: Sources, file: string, { specifier, typeOnly }: Import): string | undefined {
  const room = rooms[roomOf(file)];
  if (room === undefined) return `the room '${roomOf(file)}' is not in the table`;
  if (specifier.startsWith('node:')) return undefined;
  if (!specifier.startsWith('.')) {
    const name = specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
    return room.packages.includes(name) ? undefined : `the package '${name}' is not for this room`;
  }
  const target = resolve(file, specifier);
  if (!sources.has(target)) return `'${specifier}' names no file of src`;
  const to = roomOf(target);
  if (to === roomOf(file) || room.imports.includes(to)) return undefined;
  if (!room.types.includes(to)) return `'${specifier}' is against the stream`;
  return typeOnly ? undefined : `'${specifier}' may be imported for its types only`;
}

/** Every import that the table does not allow, as `file: what is wrong`. */
export function violations(rooms: Rooms, sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) => {
    const complaints = importsOf(source).map((each) => judge(rooms, sources, file, each));
    return complaints.filter((complaint) => complaint !== undefined).map((complaint) => `${file}: ${complaint}`);
  });
}

/** A circle of files that need one another when they are loaded, as `a.ts → b.ts → a.ts`; undefined if there is none. */
export function findCycle(sources: Sources): string | undefined {
  const done = new Set<string>();
  const walk = (file: string, trail: readonly string[]): string | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file].join(' → ');
    if (done.has(file)) return undefined;
    done.add(file);
    for (const { specifier, typeOnly } of importsOf(sources.get(file) ?? '')) {
      if (typeOnly || !specifier.startsWith('.')) continue;
      const cycle = walk(resolve(file, specifier), [...trail, file]);
      if (cycle !== undefined) return cycle;
    }
    return undefined;
  };
  for (const file of sources.keys()) {
    const cycle = walk(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
