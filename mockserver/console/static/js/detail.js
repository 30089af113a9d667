// One delivery: what it is, its attempts, and of the chosen attempt every byte.

import { api } from './api.js';
import { bodyView, decode, headerList, textOf } from './bytes.js';
import { copyButton } from './clipboard.js';
import { curlCommand } from './curl.js';
import { byId, el, fill, say } from './dom.js';
import { count, fullTime, httpStatus } from './format.js';
import { focusRow, showOpened, statusOf } from './list.js';
import { attempt as trying, notify } from './notices.js';
import { platform } from './platform.js';
import { deliveryHref } from './route.js';
import { ageText, explanation } from './signature.js';
import { succeeded, timeline, untilText } from './timeline.js';

const rereadPause = 250; // ms between two readings of a delivery that keeps changing

let wanted = ''; // id of the delivery that is to be shown
let chosen = 0; // number of the attempt that was chosen; 0: the latest
let delivery = null;
let shownAttempt = ''; // which attempt the page shows, so that reading again leaves it alone
let timer = 0;
let parts = null; // the nodes that change

const openMark = () => byId('view-deliveries');

/** Shows a delivery and one of its attempts; no id closes it. */
export async function openDetail(id, number, takeFocus) {
  const same = id === wanted && delivery;
  wanted = id;
  chosen = number;
  showOpened(id);
  openMark().toggleAttribute('data-open', id !== '');
  if (!id) return close();
  if (same) return render();
  shownAttempt = '';
  return read(takeFocus);
}

function close() {
  delivery = null;
  parts = null;
  byId('detail').setAttribute('aria-label', 'Delivery');
  fill(byId('detail'), el('div', { class: 'empty' }, el('h3', {}, 'No delivery is open'),
    el('p', {}, 'Choose one from the list to see its attempts, the exact bytes, and how the signature came about.')));
}

async function read(takeFocus = false) {
  clearTimeout(timer);
  timer = 0;
  const id = wanted;
  let found;
  try {
    found = await api.delivery(id);
  } catch (error) {
    if (id === wanted) missing(error);
    return;
  }
  if (id !== wanted) return;
  if (!delivery || delivery.id !== id || !parts) frame();
  delivery = found;
  render();
  if (takeFocus) parts.title.focus({ preventScroll: true });
}

function missing(error) {
  delivery = null;
  parts = null;
  fill(byId('detail'), backLink(), el('div', { class: 'empty' }, el('h3', {}, 'This delivery cannot be shown'), el('p', {}, error.message)));
}

const backLink = () => el('a', { class: 'back', href: '#/deliveries' }, '← All deliveries');

/** Builds what stays while a delivery is open. */
function frame() {
  parts = {
    title: el('h2', { tabindex: -1, id: 'detail-title' }),
    status: el('span', {}),
    facts: el('dl', { class: 'facts' }),
    timeline: el('div', {}),
    attempt: el('div', { class: 'stack' }),
  };
  const resend = el('button', { type: 'button', class: 'button', id: 'resend', on: { click: onResend } }, 'Resend');
  fill(byId('detail'), backLink(),
    el('div', { class: 'detail-top' }, parts.title, parts.status, el('div', { class: 'detail-actions' },
      resend, copyButton('Copy as curl', 'the attempt as a curl command', curl, { class: 'button', id: 'copy-curl' }))),
    parts.facts,
    el('section', { class: 'card', 'aria-labelledby': 'attempts-title' },
      el('div', { class: 'card-head' }, el('h3', { id: 'attempts-title' }, 'Attempts')), parts.timeline),
    parts.attempt);
  byId('detail').setAttribute('aria-label', 'Delivery that is open');
}

function current() {
  return delivery.attempts.find(({ number }) => number === chosen) ?? delivery.attempts.at(-1);
}

function render() {
  const attempt = current();
  say(parts.title, delivery.type || 'Event');
  fill(parts.status, statusOf(delivery.status, 'badge'));
  renderFacts();
  fill(parts.timeline, timeline(delivery, attempt?.number, (number) => {
    location.hash = deliveryHref(delivery.id, number);
  }));
  const key = attempt ? `${delivery.id}/${attempt.number}` : 'none';
  if (key === shownAttempt) return;
  shownAttempt = key;
  fill(parts.attempt, attempt ? attemptCards(attempt) : el('p', { class: 'muted' }, 'Nothing was sent yet.'));
  byId('copy-curl').hidden = !attempt;
}

function renderFacts() {
  const fact = (name, value) => el('div', {}, el('dt', {}, name), el('dd', {}, value));
  const mono = (text) => el('span', { class: 'mono' }, text);
  fill(parts.facts,
    fact('Event', mono(delivery.event_id)), fact('Delivery', mono(delivery.id)), fact('Agent', mono(delivery.agent_id)),
    fact('Created', fullTime(delivery.created_at)), fact('Goes to', mono(delivery.url)));
}

async function onResend() {
  const sent = await trying(() => api.resend(delivery.id));
  if (!sent) return;
  chosen = 0;
  notify('Sent again: the same id, freshly signed');
  if (location.hash !== deliveryHref(sent.id)) location.hash = deliveryHref(sent.id);
  deliveryChanged(sent.id);
}

function curl() {
  const { request } = current();
  return curlCommand(request.method, delivery.url, request.headers, decode(request.body_base64), request.body_base64 ?? '', request.body_size);
}

/** The cards of one attempt: what was wrong on purpose, its signature, its request, its answer. */
function attemptCards(attempt) {
  return [faultNote(attempt), lossNote(attempt), el('div', { class: 'exchange' }, requestCard(attempt), answerCard(attempt)),
    card('Signature', [], el('div', { class: 'card-body' }, explanation(attempt)))];
}

let serial = 0;

function card(title, tools, body) {
  const id = `card-${++serial}`;
  return el('section', { class: 'card', 'aria-labelledby': id },
    el('div', { class: 'card-head' }, el('h3', { id }, title), el('div', { class: 'tools' }, tools)), body);
}

function faultNote({ faults }) {
  if (!faults?.length) return null;
  return el('div', { class: 'note' }, el('p', {}, el('strong', {}, 'Wrong on purpose')),
    faults.map((name) => el('p', {}, el('span', { class: 'mono' }, name), `: ${platform.kind(name)?.summary ?? ''}`)));
}

/** What is not shown because the mock has forgotten it. */
function lossNote({ trimmed }) {
  const dropped = delivery.attempts_dropped ?? 0;
  if (!trimmed && !dropped) return null;
  return el('div', { class: 'note' },
    dropped > 0 && el('p', {}, `${count(dropped)} earlier ${dropped === 1 ? 'attempt was' : 'attempts were'} forgotten.`),
    trimmed && el('p', {}, 'The headers and bodies of this attempt were forgotten: deliveries take all the memory that they may.'));
}

/** A button that copies a body, as base64 where it is no text. */
function copyBody(what, bytes, base64) {
  const text = textOf(bytes);
  return bytes.length > 0 && (text === null ? copyButton('Copy base64', `${what} as base64`, () => base64) : copyButton('Copy body', what, () => text));
}

function requestCard({ number, request }) {
  const bytes = decode(request.body_base64);
  const { toggle, view } = bodyView(bytes, 'request body', request.body_size);
  return card(`Request ${number}`, [toggle, copyBody('the request body', bytes, request.body_base64)],
    el('div', { class: 'card-body' },
      el('p', { class: 'line-one' }, `${request.method || 'POST'} ${delivery.url}`),
      headerList(request.headers), view));
}

function answerCard(attempt) {
  const { response, error } = attempt;
  const problem = error && el('p', { class: 'note bad' }, error);
  if (!response) return card(`Answer ${attempt.number}`, [], el('div', { class: 'card-body' }, problem || el('p', { class: 'muted' }, 'There was no answer.')));
  const bytes = decode(response.body_base64);
  const { toggle, view } = bodyView(bytes, 'answer body');
  return card(`Answer ${attempt.number}`, [toggle, copyBody('the answer body', bytes, response.body_base64)],
    el('div', { class: 'card-body' },
      el('p', { class: 'line-one' }, el('span', { class: `status ${succeeded(attempt) ? 'succeeded' : 'failed'}` }, httpStatus(response.status))),
      problem, headerList(response.headers), view));
}

/** Reads the open delivery again when it was the one that changed. */
export function deliveryChanged(id) {
  if (id && id === wanted && !timer) timer = setTimeout(read, rereadPause);
}

/** Keeps what depends on the time right: ages and times to come. */
function tick() {
  for (const node of byId('detail').querySelectorAll('[data-signed-at]')) say(node, ageText(node.dataset.signedAt));
  for (const node of byId('detail').querySelectorAll('[data-until]')) say(node, untilText(node.dataset.until));
}

export function startDetail() {
  setInterval(tick, 1000);
  byId('detail').addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !wanted) return;
    const id = wanted;
    location.hash = '#/deliveries';
    // The list may be hidden until the address has taken effect.
    addEventListener('hashchange', () => focusRow(id), { once: true });
  });
  close();
}
