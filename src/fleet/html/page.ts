import type { VariantResult } from '../result.js';
import type { Simulation } from '../simulation.js';
import { HEADINGS, phaseCells } from '../table.js';
import { comeback, meanwhile, scenarioWords, VARIANT_WORDS } from '../words.js';
import { escaped } from './escape.js';
import { rows, type Row } from './rows.js';
import { STYLE } from './style.js';

/** The result as one HTML page for people that loads nothing else and runs no script. */
export function simulationPage(simulation: Simulation): string {
  const { file, route, scenario, variants } = simulation;
  const title = `Route ${route} of ${file} in an outage`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p>${escaped(scenarioWords(scenario))}</p>
<p class="muted">Simulated by outrigger with the route's own policy code, in virtual time, from seed ${scenario.seed}.</p>
</header>
<main>
<section class="variants" aria-label="What each variant did">
${variants.map(summary).join('\n')}
</section>
${rows(variants, scenario)
  .map((row) => rowSection(row, variants))
  .join('\n')}
${figures(variants)}
</main>
</body>
</html>
`;
}

function summary(variant: VariantResult): string {
  const { name, recoverySeconds } = variant;
  const look = recoverySeconds === undefined ? 'down' : 'back';
  return `<div>
<h2>${name}</h2>
<p class="muted">${escaped(VARIANT_WORDS[name])}</p>
<p class="verdict ${look}">${escaped(comeback(variant))}</p>
<p>${escaped(meanwhile(variant))}</p>
</div>`;
}

function rowSection({ title, about, legend, plots }: Row, variants: readonly VariantResult[]): string {
  const keys = legend.map(({ look, name }) => `<span class="${look}">${escaped(name)}</span>`).join('');
  const drawn = plots.map((plot, at) => {
    const name = variants[at]?.name ?? '';
    return `<div><h3>${name}</h3>${plot ?? '<p class="none">has nothing of the kind</p>'}</div>`;
  });
  return `<section>
<div class="head"><h2>${escaped(title)}</h2><span class="muted">${escaped(about)}</span><div class="legend">${keys}</div></div>
<div class="variants">${drawn.join('\n')}</div>
</section>`;
}

function figures(variants: readonly VariantResult[]): string {
  const head = HEADINGS.map((heading) => `<th scope="col">${heading}</th>`).join('');
  const bodies = variants.map(({ name, phases }) => {
    const lines = phases.map(
      (phase) =>
        `<tr>${phaseCells(phase)
          .map((cell) => `<td>${escaped(cell)}</td>`)
          .join('')}</tr>`,
    );
    return `<tbody><tr><th scope="rowgroup" colspan="${HEADINGS.length}">${name}</th></tr>${lines.join('')}</tbody>`;
  });
  return `<section>
<h2>Figures</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Figures"><table><thead><tr>${head}</tr></thead>${bodies.join('')}</table></div>
</section>`;
}
