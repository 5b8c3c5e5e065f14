// The licences of the packages whose code is in the bundle: theirs ask that their text goes with it.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const LICENCE = /^(licen[cs]e|copying|notice)/i;

/** @param {readonly string[]} inputs the bundle's source files, from the root */
export function licenceTexts(root, inputs) {
  const folders = inputs.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? []);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
    const files = readdirSync(path.join(root, folder)).filter((file) => LICENCE.test(file));
    const text = files.map((file) => readFileSync(path.join(root, folder, file), 'utf8').trim()).join('\n\n');
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return `The program holds code of these packages, under these licences.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}
