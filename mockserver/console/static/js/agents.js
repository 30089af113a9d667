// The agents and their webhooks. A secret can be set here and is never shown.

import { api } from './api.js';
import { copyButton } from './clipboard.js';
import { byId, el, fill } from './dom.js';
import { checks, field, onSubmit, problemLine } from './forms.js';
import { notify } from './notices.js';
import { platform, refresh, watch } from './platform.js';

const eventChoices = () => platform.events.map(({ type, summary }) => [type, type, summary]);
/** What a new webhook is subscribed to: the usual types, or all where the platform has no usual ones. */
const usual = () => {
  const standard = platform.events.filter((event) => event.default);
  return (standard.length > 0 ? standard : platform.events).map(({ type }) => type);
};

function webhookForm(agent) {
  const form = el('form', { class: 'form card-body', 'aria-label': `Webhook of ${agent.id}` },
    field('Webhook URL', el('input', { name: 'webhook_url', type: 'url', value: agent.webhook_url ?? '', placeholder: 'https://example.com/webhook', autocomplete: 'off', spellcheck: 'false' })),
    platform.events.length > 0 && checks('Subscribed to', 'event_types', eventChoices(), agent.webhook_url ? agent.event_types ?? [] : usual()),
    platform.provider?.schemes.length > 0 && field('Signing secret', el('input', { name: 'signing_secret', type: 'password', autocomplete: 'new-password' }),
      agent.webhook_url ? 'Empty: the secret stays as it is.' : 'Empty: a new one is made, to be copied once. It is never shown.'),
    problemLine(),
    el('div', { class: 'form-actions' }, el('button', { type: 'submit', class: 'button primary' }, agent.webhook_url ? 'Save webhook' : 'Set webhook'),
      agent.rotating && el('span', { class: 'tag' }, 'rotating: both secrets sign')));
  onSubmit(form, async (data) => {
    const webhook = { webhook_url: data.get('webhook_url'), event_types: data.getAll('event_types') };
    if (data.get('signing_secret')) webhook.signing_secret = data.get('signing_secret');
    else webhook.keep_secret = Boolean(agent.webhook_url);
    const { signing_secret: made } = await api.setWebhook(agent.id, webhook);
    await refresh();
    notify(`The webhook of ${agent.id} is set`);
    if (made) offerSecret(agent.id, made);
  });
  return form;
}

/** Offers a secret that was made for copying, until the agents are drawn again. */
function offerSecret(id, secret) {
  byId(`agent-${id}`).closest('section').append(el('p', { class: 'item' }, 'A new signing secret was made. ', copyButton('Copy secret', `the secret of ${id}`, () => secret)));
}

function card(agent) {
  const id = `agent-${agent.id}`;
  return el('section', { class: 'card', 'aria-labelledby': id },
    el('div', { class: 'card-head' }, el('h3', { id, class: 'break' }, agent.name || agent.id), agent.name && agent.name !== agent.id && el('span', { class: 'mono muted break' }, agent.id),
      el('div', { class: 'tools' }, agent.scenario && el('span', { class: 'muted small' }, `scenario ${agent.scenario}`), copyButton('Copy id', `the id ${agent.id}`, () => agent.id))),
    webhookForm(agent));
}

let drawn = '';

/** Draws the agents when they have changed, but not under the hands of someone who types. */
function render() {
  const list = byId('agent-list');
  const state = JSON.stringify(platform.agents);
  if (!list || state === drawn || byId('view-agents').hidden || list.querySelector('input:focus')) return;
  drawn = state;
  const shown = platform.agents.slice(0, 50);
  fill(list, shown.map(card), platform.agents.length > shown.length && el('p', { class: 'muted' }, `The first ${shown.length} of ${platform.agents.length} agents.`));
}

function agentForm() {
  const scenario = el('select', { name: 'scenario' }, el('option', { value: '' }, 'The default'));
  api.scenarios().then((names) => scenario.append(...names.map((name) => el('option', { value: name }, name))), () => {});
  const form = el('form', { class: 'form card-body' }, field('Name', el('input', { name: 'name', autocomplete: 'off' })),
    field('Scenario', scenario, 'What the sessions of its messages do.'), problemLine(),
    el('div', { class: 'form-actions' }, el('button', { type: 'submit', class: 'button' }, 'Add agent')));
  onSubmit(form, async (data) => {
    const agent = await api.addAgent(Object.fromEntries([...data].filter(([, value]) => value !== '')));
    form.reset();
    await refresh();
    notify(`${agent.name || agent.id} is there`);
  });
  return form;
}

export function showAgents() {
  const view = byId('view-agents');
  if (!view.firstChild) {
    fill(view, el('h2', { id: 'agents-title' }, 'Agents'),
      el('p', { class: 'intro' }, 'Where each agent\'s events go. The same as the configuration API does, from the platform\'s side.'),
      el('div', { class: 'split' }, el('div', { class: 'stack', id: 'agent-list' }),
        el('section', { class: 'card', 'aria-labelledby': 'agent-add' }, el('div', { class: 'card-head' }, el('h3', { id: 'agent-add' }, 'Add an agent')), agentForm())));
  }
  drawn = '';
  render();
}

export function startAgents() {
  watch(render);
}
