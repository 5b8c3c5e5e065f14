// Makes the folder dist, or another one that is not there yet, of src: `node build/bundle.js [FOLDER]`. It checks no types;
// `npm run typecheck` does.
//
// The program is bundled with the packages it uses: most of a start went into finding, reading and compiling their files,
// many of which no call ever needs. The library is one file and takes its packages from whoever installs it.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { writeDashboard } from './dashboard.js';
import { leftOut } from './left-out.js';
import { licenceTexts } from './licences.js';

const root = path.dirname(import.meta.dirname);
const [, , folder] = process.argv;
const outdir = path.resolve(folder ?? path.join(root, 'dist'));

/** What both have in common. */
const common = {
  absWorkingDir: root,
  outdir,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.18',
  // For `node --enable-source-maps`, whose stack traces name files and lines of src; else nobody reads them.
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
};

/**
 * What a start needs is one file, whatever it shares with other commands: else it would be twenty. These import it, and it
 * the demo and what only some policy files ask for, as files beside them; nothing may be shared with them that is told by
 * its class.
 */
const apart = {
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(?:.+\/)?(?:proxy|demo|tracing)\.js$/ }, ({ kind, path: file }) =>
      kind === 'dynamic-import' ? { path: `./${path.basename(file)}`, external: true } : undefined,
    );
  },
};

if (folder === undefined) rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir);

await build({ ...common, entryPoints: ['src/index.ts'], packages: 'external' });

/** What the program's files have in common. */
const program = {
  ...common,
  plugins: [leftOut, apart],
  // Taken where it is installed (src/observability/readable-log.ts).
  external: ['pino-pretty'],
  // Names stay, so that stack traces can be read. Comments must go: V8 keeps a file's text in memory, and one letter in it
  // beyond Latin-1 makes that twice as long.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 120,
  legalComments: 'none',
  metafile: true,
  banner: {
    // Packages that are no ES modules ask for Node's own ones so.
    js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
  },
};

const commands = await build({
  ...program,
  entryPoints: { main: 'src/main.ts', demo: 'src/cli/demo.ts', 'demo/main': 'src/demo/main.ts' },
  splitting: true,
});
const proxy = await build({ ...program, entryPoints: { proxy: 'src/cli/proxy.ts' } });
const tracing = await build({ ...program, entryPoints: { tracing: 'src/observability/tracing/tracing.ts' } });

const bundled = [commands, proxy, tracing].flatMap(({ metafile }) => Object.keys(metafile.inputs));
const inputs = [...bundled, ...(await writeDashboard(outdir))];
writeFileSync(path.join(outdir, 'licences.txt'), licenceTexts(root, inputs));
