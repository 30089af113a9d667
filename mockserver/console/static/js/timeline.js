// The attempts of a delivery in their order, and the one that is to come.

import { el } from './dom.js';
import { clockTime, fullTime, httpStatus, span, took } from './format.js';
import { icon } from './icons.js';
import { platform } from './platform.js';

/** Whether an attempt was answered with 2xx. */
export const succeeded = ({ error, response }) => !error && response && Math.floor(response.status / 100) === 2;

/** What came of an attempt, in a few words. */
function outcome({ error, response }) {
  if (response) return httpStatus(response.status) + (error ? ', cut short' : '');
  return error || 'No answer';
}

/** Makes the list; onSelect(number) is called with the attempt to show. */
export function timeline(delivery, selected, onSelect) {
  const longest = Math.max(1, ...delivery.attempts.map(({ duration_ms: ms }) => ms));
  return el('ol', { class: 'timeline', 'aria-label': 'Attempts, in their order' },
    delivery.attempts.map((attempt, i, all) => entry(attempt, all[i - 1], attempt.number === selected, longest, onSelect)),
    delivery.status === 'pending' && planned(delivery));
}

function entry(attempt, before, pressed, longest, onSelect) {
  const ok = succeeded(attempt);
  const bar = el('span');
  bar.style.width = `${Math.max(2, (attempt.duration_ms / longest) * 100)}%`;
  return el('li', {}, el('button', {
    type: 'button', 'aria-pressed': String(pressed), dataset: { key: `attempt-${attempt.number}` },
    on: { click: () => onSelect(attempt.number) },
  },
  el('span', { class: `mark ${ok ? 'ok' : 'bad'}` }, icon(ok ? 'succeeded' : 'failed')),
  el('span', { class: 'muted' }, el('span', { class: 'hidden' }, ok ? 'Succeeded, attempt ' : 'Failed, attempt '), `#${attempt.number}`),
  el('time', { class: 'at muted', datetime: attempt.at, title: fullTime(attempt.at) }, clockTime(attempt.at, true)),
  el('span', { class: 'since muted' }, before ? `+${span((Date.parse(attempt.at) - Date.parse(before.at)) / 1000)}` : ''),
  el('span', { class: 'outcome' }, outcome(attempt), (attempt.faults ?? []).map((kind) => el('span', { class: 'tag' }, icon('fault'), kind))),
  el('span', { class: 'meter', 'aria-hidden': 'true' }, bar),
  el('span', { class: 'took muted' }, took(attempt.duration_ms))));
}

function planned({ next_attempt_at: at }) {
  const text = at
    ? [`Next attempt at ${clockTime(at)}`, el('span', { class: 'muted', dataset: { until: at } }, untilText(at))]
    : ['An attempt is under way'];
  return el('li', {}, el('p', { class: 'planned' }, el('span', { class: 'mark wait' }, icon('pending')), el('span', {}, text)));
}

/** How long until a time on the platform's clock. */
export function untilText(at) {
  const seconds = (Date.parse(at) - platform.now()) / 1000;
  return seconds > 0 ? ` · in ${span(seconds)} on the platform's clock` : ' · due';
}
