// Makes the dashboard of src/admin/dashboard one file without anything outside it: `node build/dashboard.js FOLDER` writes
// FOLDER/dashboard.html. The admin server finds it beside its own code, bundled or not.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, transform } from 'esbuild';

const root = path.dirname(import.meta.dirname);
const source = path.join(root, 'src/admin/dashboard');

/** The oldest that have `light-dark()`: browsers of spring 2024. */
const target = ['chrome123', 'firefox120', 'safari17.5'];

/** @returns the source files that are in it, from the root */
export async function writeDashboard(folder) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [path.join(source, 'main.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    target,
    minify: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  const styles = [path.join(root, 'node_modules/uplot/dist/uPlot.min.css'), path.join(source, 'style.css')];
  const css = styles.map((file) => readFileSync(file, 'utf8')).join('\n');
  const style = await transform(css, { loader: 'css', target, minify: true });
  const html = readFileSync(path.join(source, 'index.html'), 'utf8')
    .replaceAll(/^\s+/gm, '')
    .replaceAll(/<!--.*?-->\n?/gs, '')
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${style.code.trim()}</style>`)
    .replace(/<script [^>]*><\/script>/, () => `<script>${ofScript(outputFiles[0].text.trim())}</script>`);
  writeFileSync(path.join(folder, 'dashboard.html'), html);
  return Object.keys(metafile.inputs);
}

/** A script ends where HTML thinks that it does. */
function ofScript(code) {
  if (/<\/script|<!--/i.test(code)) throw new Error('the script of the dashboard holds what would end it');
  return code;
}

if (process.argv[1] === import.meta.filename) await writeDashboard(path.resolve(process.argv[2] ?? '.'));
