import { byId } from './dom.js';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const KEY = 'outrigger-theme';

/** Has the page follow the system, or stay light or dark. `onChange`: colours are other ones now. */
export function startTheme(onChange: () => void): void {
  const button = byId('theme', HTMLButtonElement);
  let theme = THEMES.find((one) => one === localStorage.getItem(KEY)) ?? 'auto';
  const show = (next: Theme) => {
    theme = next;
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  show(theme);
  button.addEventListener('click', () => {
    show(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto');
    localStorage.setItem(KEY, theme);
    onChange();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
}
