const LIGHT = `
color-scheme: light; --bg: #f3f5f8; --surface: #fff; --text: #15202b; --muted: #556270; --line: #dde3ea;
--good: #17824a; --load: #0a62b9; --bad: #b3261e; --warn: #946000; --other: #7c4dc4;
--band-bad: #b3261e14; --band-warn: #b26a0014;`;

const DARK = `
color-scheme: dark; --bg: #0e141b; --surface: #161e27; --text: #e7edf3; --muted: #9dabba; --line: #2a3643;
--good: #62d394; --load: #74b7ff; --bad: #ff9a93; --warn: #f3bb62; --other: #c0a1f5;
--band-bad: #ff9a931c; --band-warn: #f3bb621c;`;

/** The looks of the report: the dashboard's colours, light or dark as the reader's system is. */
export const STYLE = `
:root {${LIGHT}
}
@media (prefers-color-scheme: dark) { :root {${DARK}
} }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 14px/1.45 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; font-variant-numeric: tabular-nums; }
header, main { max-width: 1360px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 20px; padding-bottom: 14px; }
h1 { margin: 0 0 4px; font-size: 20px; }
h2 { margin: 0; font-size: 15px; }
p { margin: 0; max-width: 75em; }
.muted { color: var(--muted); }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 14px; padding-bottom: 40px; }
section { padding: 12px 16px; border: 1px solid var(--line); border-radius: 10px; background: var(--surface); }
.variants { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 4px 20px; }
h3 { margin: 0; font-size: 13px; font-weight: 600; }
.variants h3 { margin-top: 6px; }
.verdict { margin-top: 6px; font-weight: 600; }
.back { color: var(--good); }
.down { color: var(--bad); }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 12px; margin-bottom: 4px; }
.legend { display: flex; gap: 12px; margin-left: auto; color: var(--muted); }
.legend span::before { content: ''; display: inline-block; width: 12px; height: 4px; margin-right: 5px; border-radius: 2px; background: currentcolor; vertical-align: middle; }
.none { color: var(--muted); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--muted); font-size: 11px; }
.band { fill: none; }
.band.outage { fill: var(--band-bad); }
.band.brownout { fill: var(--band-warn); }
.grid { fill: none; stroke: var(--line); }
path.mark { fill: none; stroke: var(--bad); stroke-dasharray: 5 3; }
text.mark { fill: var(--bad); }
.line { fill: none; stroke: currentcolor; stroke-width: 1.6; stroke-linejoin: round; }
.area { fill: currentcolor; fill-opacity: 0.4; stroke: none; }
.area.open, .area.halfopen, .area.ramping { fill-opacity: 0.75; }
.good { color: var(--good); }
.offered { color: var(--text); }
.load, .p50 { color: var(--load); }
.open { color: var(--bad); }
.halfopen, .p99 { color: var(--warn); }
.ramping { color: var(--other); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 3px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--muted); font-weight: 500; }
th:first-child, td:first-child { text-align: left; }
tbody tr:first-child th { padding-top: 12px; color: var(--text); font-weight: 600; }
@media (max-width: 900px) { .variants { grid-template-columns: minmax(0, 1fr); row-gap: 14px; } }
@media print { body { background: none; } section { break-inside: avoid; } }
`.trim();
