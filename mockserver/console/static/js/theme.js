// Light or dark: as the system has it, until the button says otherwise. The choice is kept in this browser.

import { byId } from './dom.js';

const key = 'darihook-console-theme';
const system = matchMedia('(prefers-color-scheme: dark)');

function stored() {
  try {
    const theme = localStorage.getItem(key);
    return theme === 'light' || theme === 'dark' ? theme : '';
  } catch {
    return ''; // no storage: the system's theme
  }
}

function store(theme) {
  try {
    localStorage.setItem(key, theme);
  } catch {
    // The choice then lasts as long as the page.
  }
}

let chosen = stored();

function apply() {
  const dark = chosen ? chosen === 'dark' : system.matches;
  if (chosen) document.documentElement.dataset.theme = chosen;
  byId('theme').setAttribute('aria-pressed', String(dark));
}

export function startTheme() {
  byId('theme').addEventListener('click', () => {
    const dark = byId('theme').getAttribute('aria-pressed') === 'true';
    chosen = dark ? 'light' : 'dark';
    store(chosen);
    apply();
  });
  system.addEventListener('change', apply);
  apply();
}
