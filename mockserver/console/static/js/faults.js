// The faults that are switched on, and the form that switches one on.

import { api } from './api.js';
import { byId, el, fill, say } from './dom.js';
import { plural } from './format.js';
import { field, onSubmit, problemLine } from './forms.js';
import { icon } from './icons.js';
import { attempt, notify } from './notices.js';
import { platform, refresh, watch } from './platform.js';

const params = {
  duration: ['Duration', { placeholder: '10m' }],
  size: ['Size in bytes', { type: 'number', min: 1 }],
  copies: ['Further copies', { type: 'number', min: 1, max: 100 }],
  scheme: ['Scheme', {}],
};

const spent = ({ next, struck }) => next !== undefined && struck >= next;

/** How often a fault strikes, in words. */
function rule(fault) {
  const often = fault.next === undefined ? 'Every attempt' : `The next ${plural(fault.next, 'attempt')}`;
  const chance = fault.probability === undefined ? '' : `, each with probability ${fault.probability} (seed ${fault.seed ?? 0})`;
  const own = ['duration', 'size', 'copies', 'scheme'].filter((name) => fault[name]).map((name) => `, ${name} ${fault[name]}`).join('');
  return often + chance + own;
}

function entry(fault) {
  const state = fault.next === undefined ? `Struck ${plural(fault.struck, 'attempt')}` : `Struck ${fault.struck} of ${fault.next}`;
  const scope = `${fault.agent_id ? `agent ${fault.agent_id}` : 'every agent'}, ${fault.event_type || 'every type'}`;
  return el('li', { class: 'item' },
    el('div', {}, el('h3', {}, icon('fault'), ' ', fault.kind), el('p', { class: 'muted' }, platform.kind(fault.kind)?.summary),
      el('p', {}, `${rule(fault)}; ${scope}. `), el('p', {}, el('strong', {}, state), spent(fault) && ', and spent')),
    el('button', { type: 'button', class: 'button small danger', 'aria-label': `Remove the fault ${fault.kind}`, dataset: { key: `remove-${fault.id}` },
      on: { click: () => remove(fault) } }, 'Remove'));
}

async function remove({ id, kind }) {
  await attempt(async () => {
    await api.removeFault(id);
    await refresh();
    notify(`${kind} is off`);
  });
  const left = byId('fault-list').querySelector('button');
  (left ?? byId('fault-kind')).focus();
}

async function clear() {
  await attempt(async () => {
    await api.clearFaults();
    await refresh();
    notify('Every fault is off');
  });
  byId('fault-kind').focus();
}

let drawn = ''; // what the list shows, so that nothing is drawn twice

function render() {
  const { faults } = platform;
  const state = JSON.stringify(faults);
  if (state === drawn || !byId('fault-list')) return;
  drawn = state;
  byId('fault-clear').hidden = faults.length === 0;
  fill(byId('fault-list'), faults.length
    ? el('ul', {}, faults.map(entry))
    : el('div', { class: 'empty' }, el('h3', {}, 'Everything works'), el('p', {}, 'No fault is switched on. Every delivery is signed rightly and sent once.')));
}

/** Says above the list of deliveries which faults are on. */
function renderBanner() {
  const on = platform.faults.filter((fault) => !spent(fault));
  const banner = byId('fault-banner');
  banner.hidden = on.length === 0;
  const text = on.slice(0, 3).map((f) => (f.next === undefined ? f.kind : `${f.kind} (${f.next - f.struck} left)`)).join(', ');
  const whole = `${plural(on.length, 'fault')} on: ${text}${on.length > 3 ? ', …' : ''}`;
  if (banner.dataset.text === whole) return;
  banner.dataset.text = whole;
  fill(banner, icon('fault'), ' ', el('strong', {}, `${plural(on.length, 'fault')} on: `), text, on.length > 3 ? ', … ' : ' ', el('a', { href: '#/faults', dataset: { key: 'faults' } }, 'Switches'));
}

function buildForm() {
  const kind = el('select', { name: 'kind', id: 'fault-kind' }, platform.kinds.map(({ name }) => el('option', { value: name }, name)));
  const summary = el('p', { class: 'muted small', id: 'fault-summary' });
  const own = el('div', { class: 'fields' });
  const describe = () => {
    const chosen = platform.kind(kind.value);
    say(summary, chosen?.summary ?? '');
    fill(own, (chosen?.params ?? []).map((name) => param(name, chosen)));
    own.hidden = !own.firstChild;
  };
  kind.addEventListener('change', describe);
  const form = el('form', { class: 'form card-body' }, field('Kind', kind), summary, own,
    el('div', { class: 'fields' },
      field('Next attempts', el('input', { name: 'next', type: 'number', min: 1, value: 1 }), 'Empty: no limit'),
      field('Probability', el('input', { name: 'probability', type: 'number', min: 0, max: 1, step: 'any', placeholder: '1' }), '0 to 1'),
      field('Seed', el('input', { name: 'seed', type: 'number', min: 0, step: 1, placeholder: '0' }), 'Same seed, same sequence')),
    el('div', { class: 'fields' },
      field('Agent', el('select', { name: 'agent_id' }, el('option', { value: '' }, 'Every agent'), platform.agents.map(({ id }) => el('option', { value: id }, id)))),
      field('Event type', el('select', { name: 'event_type' }, el('option', { value: '' }, 'Every type'), platform.events.map(({ type }) => el('option', { value: type }, type))))),
    problemLine(),
    el('div', { class: 'form-actions' }, el('button', { type: 'submit', class: 'button primary' }, 'Switch on')));
  describe();
  onSubmit(form, add);
  return form;
}

function param(name, kind) {
  if (name === 'scheme') return field('Scheme', el('select', { name }, platform.provider.schemes.map((scheme) => el('option', { value: scheme.name }, scheme.name))));
  const [label, attributes] = params[name];
  return field(label, el('input', { name, ...attributes, placeholder: kind.default || attributes.placeholder }));
}

/** Reads the form: text as it is, numbers as numbers, empty fields not at all. */
async function add(form) {
  const fault = {};
  for (const [name, value] of form) {
    if (value === '') continue;
    fault[name] = ['next', 'probability', 'seed', 'size', 'copies'].includes(name) ? Number(value) : value;
  }
  await api.addFault(fault);
  await refresh();
  notify(`${fault.kind} is on`);
}

export function showFaults() {
  const view = byId('view-faults');
  if (!view.firstChild) {
    fill(view, el('h2', { id: 'faults-title' }, 'Faults'),
      el('p', { class: 'intro' }, 'What goes wrong with deliveries, on purpose: for the next attempts, with a probability, or always. The same seed gives the same sequence.'),
      el('div', { class: 'split' },
        el('section', { class: 'card', 'aria-labelledby': 'faults-on' }, el('div', { class: 'card-head' }, el('h3', { id: 'faults-on' }, 'Switched on'),
          el('div', { class: 'tools' }, el('button', { type: 'button', class: 'button small', id: 'fault-clear', hidden: true, on: { click: clear } }, 'Remove all'))),
        el('div', { id: 'fault-list' })),
        el('section', { class: 'card', 'aria-labelledby': 'fault-add' }, el('div', { class: 'card-head' }, el('h3', { id: 'fault-add' }, 'Add a fault')), buildForm())));
  }
  drawn = '';
  render();
}

export function startFaults() {
  watch(() => {
    render();
    renderBanner();
  });
}
