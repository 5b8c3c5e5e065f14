/** The dashboard: asks the admin API every other second, reads its events, and shows both. */
import { api, token, type CircuitShape, type HistoryShape, type RouteShape } from './api.js';
import { Ask } from './ask.js';
import { CircuitTable } from './circuits.js';
import { byId, make, setAttribute, setText } from './dom.js';
import { Feed } from './feed.js';
import { duration, percent, plural, rate } from './format.js';
import { Link } from './link.js';
import { Plots } from './plots.js';
import { RouteTable } from './routes.js';
import { startTheme } from './theme.js';
import { after, every, now } from './time.js';
import { UpstreamTable } from './upstreams.js';

/** In milliseconds. Steps of the history are as long as HISTORY_MS. */
const POLL_MS = 2_000;
const HISTORY_MS = 5_000;
/** Events of one cause come together; one look is enough for all. */
const AFTER_EVENT_MS = 150;

const link = new Link();
const forget = byId('forget', HTMLButtonElement);
const ask = new Ask(({ title }) => {
  link.tell(`Done: ${title.replace(/\?$/, '.')}`);
  forget.hidden = token.get() === null;
  void poll();
});
const circuits = new CircuitTable(ask);
const routes = new RouteTable(ask);
const upstreams = new UpstreamTable(ask);
const plots = new Plots(byId('plots', HTMLDivElement));
const choice = byId('plots-route', HTMLSelectElement);

forget.hidden = token.get() === null;
forget.addEventListener('click', () => {
  token.forget();
  forget.hidden = true;
  link.tell('The token is forgotten.');
});
byId('reload', HTMLButtonElement).addEventListener('click', () => {
  ask.ask({
    title: 'Reload the policy file?',
    text: 'It is read anew; calls in flight end on the policies that they began with. If anything in it is wrong, nothing changes, and what is wrong is told here.',
    yes: 'Reload',
    lasts: false,
    act: () => api.reload(),
  });
});
link.tick(now());
startTheme(() => plots.redraw());

/** A list of routes that is replaced while somebody chooses from it would close it. */
let listed = '';
function listRoutes(names: readonly string[]): void {
  const text = JSON.stringify(names);
  if (text === listed) return;
  listed = text;
  const chosen = choice.value;
  choice.replaceChildren(
    make('option', { value: '' }, 'all calls'),
    ...names.map((name) => make('option', { value: `=${name}` }, name)),
  );
  choice.value = names.includes(chosen.slice(1)) ? chosen : '';
}

function tile(id: string, text: string, tone = 'plain'): void {
  const element = byId(`tile-${id}`, HTMLElement);
  setText(element, text);
  setAttribute(element, 'data-tone', tone);
}

function showTiles(all: readonly RouteShape[], some: readonly CircuitShape[]): void {
  const sum = (of: (route: RouteShape) => number) => all.reduce((total, route) => total + of(route), 0);
  const calls = sum((route) => route.requestsPerSecond);
  const perCall = (of: (route: RouteShape) => number) =>
    calls === 0 ? undefined : sum((route) => of(route) * route.requestsPerSecond) / calls;
  const failures = perCall((route) => route.failureRatio);
  tile('calls', rate(calls));
  tile(
    'success',
    percent(failures === undefined ? undefined : 1 - failures),
    failures === undefined || failures < 0.001 ? 'plain' : failures < 0.05 ? 'warn' : 'bad',
  );
  tile('retries', rate(perCall((route) => route.retryRatio)));
  const open = circuits.notClosed;
  tile('circuits', some.length === 0 ? '–' : String(open), open === 0 ? 'plain' : 'bad');
  document.title = open === 0 ? 'Outrigger' : `(${plural(open, 'circuit')} not closed) Outrigger`;
}

let polling: Promise<void> | undefined;
let again = false;

/** Looks at everything once; asked for meanwhile, it looks once more. */
async function poll(): Promise<void> {
  if (polling !== undefined) {
    again = true;
    return;
  }
  polling = look();
  await polling;
  polling = undefined;
  if (!again) return;
  again = false;
  await poll();
}

async function look(): Promise<void> {
  try {
    const [readiness, allRoutes, allCircuits, allUpstreams] = await Promise.all([
      api.readiness(),
      api.routes(),
      api.circuits(),
      api.upstreams(),
    ]);
    const at = now();
    listRoutes(allRoutes.map(({ name }) => name));
    routes.show(allRoutes);
    circuits.show(allCircuits, at);
    upstreams.show(allUpstreams);
    showTiles(allRoutes, allCircuits);
    if (link.reached(readiness, at)) void lookBack();
  } catch (error) {
    link.failed(error, now());
  }
}

function showHistory(history: HistoryShape): void {
  plots.show(history);
  link.startedAt(history.startedAt);
}

async function lookBack(): Promise<void> {
  const route = choice.value === '' ? undefined : choice.value.slice(1);
  try {
    const all = await api.history(undefined);
    tile('p99', duration(all.p99Ms.at(-1)));
    showHistory(route === undefined ? all : await api.history(route));
  } catch {
    // poll() says so.
  }
}

choice.addEventListener('change', () => void lookBack());
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  void poll();
  void lookBack();
});
/** Nobody looks at a page that is hidden. */
const whenSeen = (callback: () => Promise<void>) => () => {
  if (!document.hidden) void callback();
};
every(POLL_MS, whenSeen(poll));
every(HISTORY_MS, whenSeen(lookBack));
every(1_000, () => {
  circuits.tick(now());
  link.tick(now());
});

let soon = false;
new Feed((kind) => {
  if (soon || kind === 'retry' || kind === 'fallback') return;
  soon = true;
  after(AFTER_EVENT_MS, () => {
    soon = false;
    void poll();
  });
});
void poll();
void lookBack();
