// The platform's clock: what it shows, and moving it forward.

import { api } from './api.js';
import { byId, say } from './dom.js';
import { clockTime, fullTime } from './format.js';
import { attempt, complain, notify } from './notices.js';
import { platform, refresh } from './platform.js';

function mode({ mode: name, scale }) {
  return name === 'scaled' ? `UTC, runs ${scale} times as fast` : { real: 'UTC, real time', manual: 'UTC, stands still' }[name] ?? name;
}

function show() {
  if (!platform.status) return;
  const now = platform.now();
  const shown = byId('clock-now');
  say(shown, clockTime(now));
  shown.dateTime = new Date(now).toISOString();
  shown.title = fullTime(now);
  // Far from the real time the date matters as well.
  const far = Math.abs(now - Date.now()) > 12 * 3600 * 1000;
  say(byId('clock-mode'), (far ? `${new Date(now).toISOString().slice(0, 10)} ` : '') + mode(platform.status.clock));
}

async function advance(duration, words) {
  const clock = await api.advance(duration);
  await refresh();
  show();
  notify(`${words}. It is ${fullTime(clock.now)} now.`);
}

export function startClock() {
  for (const button of document.querySelectorAll('[data-advance]')) {
    button.addEventListener('click', () => attempt(() => advance(button.dataset.advance, `Advanced the clock: ${button.textContent}`)));
  }
  const form = byId('clock-form');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const input = byId('clock-duration');
    const duration = input.value.trim() || input.placeholder;
    input.removeAttribute('aria-invalid');
    try {
      await advance(duration, `Advanced the clock by ${duration}`);
      input.value = '';
    } catch (error) {
      input.setAttribute('aria-invalid', 'true');
      complain(error);
      input.focus();
    }
  });
  setInterval(show, 1000);
  show();
}

export { show as showClock };
