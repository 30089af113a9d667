// The dialog that emits events.

import { api, ApiError } from './api.js';
import { byId, el, fill } from './dom.js';
import { count } from './format.js';
import { checks, field, onSubmit, problemLine } from './forms.js';
import { notify } from './notices.js';
import { platform, refreshSoon } from './platform.js';
import { deliveryHref } from './route.js';

/** Reads the data as JSON; an empty field is no data. */
function parseData(text) {
  if (text.trim() === '') return undefined;
  let data;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new ApiError(0, '', [{ field: 'data', msg: `No JSON: ${error.message}` }]);
  }
  if (data === null || typeof data !== 'object' || Array.isArray(data)) throw new ApiError(0, '', [{ field: 'data', msg: 'Must be a JSON object' }]);
  return data;
}

async function emit(form) {
  const event = { type: form.get('type') ?? '' };
  if (form.get('agent_id')) event.agent_id = form.get('agent_id');
  const data = parseData(form.get('data'));
  if (data) event.data = data;
  if (form.get('count') !== '') event.count = Number(form.get('count'));
  const faults = form.getAll('faults');
  if (faults.length) event.faults = faults;
  const { events, undelivered } = await api.emit(event);
  byId('emit').close();
  refreshSoon();
  if (undelivered) return notify(`Not delivered: ${undelivered}`);
  if (events.length === 1) {
    location.hash = deliveryHref(events[0].delivery_id);
    return notify('Emitted an event');
  }
  location.hash = '#/deliveries';
  return notify(`Emitted ${count(events.length)} events`);
}

function build(dialog) {
  const type = el('select', { name: 'type' }, platform.events.map((event) => el('option', { value: event.type }, event.type)));
  const agent = el('select', { name: 'agent_id' }, platform.agents.map(({ id, name }) => el('option', { value: id }, name && name !== id ? `${name} (${id})` : id)));
  const hint = el('p', { class: 'muted small' });
  const describe = () => fill(hint, platform.events.find((event) => event.type === type.value)?.summary ?? '');
  type.addEventListener('change', describe);
  describe();
  const form = el('form', { class: 'form' },
    platform.events.length > 0 && field('Event type', type), hint,
    el('div', { class: 'fields' }, field('Agent', agent),
      field('How many', el('input', { name: 'count', type: 'number', min: 1, max: 100000, step: 1, value: 1 }))),
    field('Data', el('textarea', { name: 'data', rows: 4, spellcheck: 'false', placeholder: '{"tool_name": "get_weather"}' }),
      'A JSON object, merged over the data that the platform makes up. May be empty.'),
    el('details', {}, el('summary', {}, 'Faults for the first attempt of these deliveries'),
      checks('Faults', 'faults', platform.kinds.filter(({ name }) => name !== 'other_scheme').map(({ name, summary }) => [name, name, summary]))),
    problemLine(),
    el('div', { class: 'form-actions' },
      el('button', { type: 'button', class: 'button', on: { click: () => dialog.close() } }, 'Cancel'),
      el('button', { type: 'submit', class: 'button primary' }, 'Emit')));
  onSubmit(form, emit);
  fill(dialog, el('h2', { id: 'emit-title' }, 'Emit an event'), form);
}

export function startEmit() {
  byId('emit-open').addEventListener('click', () => {
    build(byId('emit'));
    byId('emit').showModal();
  });
}
