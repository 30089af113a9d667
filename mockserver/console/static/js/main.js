// Wires the page together.

import { api } from './api.js';
import { showAgents, startAgents } from './agents.js';
import { showClock, startClock } from './clock.js';
import { deliveryChanged, openDetail, startDetail } from './detail.js';
import { byId, options, say } from './dom.js';
import { startEmit } from './emit.js';
import { showFaults, startFaults } from './faults.js';
import { count } from './format.js';
import { applyChanges, reread, showNewest, startList } from './list.js';
import { complain } from './notices.js';
import { showOverview, startOverview } from './overview.js';
import { platform, refreshSoon, startPlatform, watch } from './platform.js';
import { showResults } from './results.js';
import { route, startRoutes } from './route.js';
import { openStream } from './stream.js';
import { startTheme } from './theme.js';

const views = { faults: showFaults, agents: showAgents, results: showResults, platform: showOverview };
let keyboard = false; // whether the last thing done was a key

function onRoute({ view, id, attempt: number }) {
  if (view === 'deliveries') openDetail(id, number, keyboard);
  else views[view]();
}

/** Keeps the numbers and choices of the frame right. */
function renderFrame() {
  const { status, agents, faults } = platform;
  if (!status) return;
  const { pending = 0, succeeded = 0, failed = 0 } = status.deliveries;
  say(byId('count-deliveries'), count(pending + succeeded + failed));
  say(byId('count-faults'), faults.length ? count(faults.length) : '');
  say(byId('count-agents'), count(status.agents));
  say(byId('n-pending'), count(pending));
  say(byId('n-succeeded'), count(succeeded));
  say(byId('n-failed'), count(failed));
  renderChoices(byId('filter-agent'), [['', 'Every agent'], ...agents.map(({ id, name }) => [id, name || id])]);
  renderChoices(byId('filter-type'), [['', 'Every type'], ...platform.events.map(({ type }) => [type, type])]);
  showClock();
  if (route().view === 'results') showResults();
}

function renderChoices(select, list) {
  const state = JSON.stringify(list);
  if (select.dataset.state === state) return;
  select.dataset.state = state;
  options(select, list);
}

const states = { live: 'Live', lost: 'Connection lost, trying again' };

function startStream() {
  openStream(api.streamURL, {
    onChanges(summaries) {
      applyChanges(summaries);
      summaries.forEach(({ id }) => deliveryChanged(id));
      refreshSoon();
      if (route().view === 'results') showResults();
    },
    onReset() {
      showNewest();
      refreshSoon();
      if (route().id) location.hash = '#/deliveries';
      if (route().view === 'results') showResults();
    },
    onGap() {
      reread();
      deliveryChanged(route().id);
      refreshSoon();
    },
    onState(state) {
      byId('connection').dataset.state = state;
      say(byId('connection'), states[state]);
    },
  });
}

async function start() {
  startTheme();
  addEventListener('keydown', () => (keyboard = true), true);
  addEventListener('pointerdown', () => (keyboard = false), true);
  document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault();
    byId('main').focus();
  });
  startDetail();
  await startPlatform();
  watch(renderFrame);
  startFaults();
  startAgents();
  startOverview();
  startClock();
  startEmit();
  startRoutes(onRoute);
  await startList();
  startStream();
}

start().catch((error) => {
  complain(error);
  say(byId('connection'), 'The mock cannot be read');
  byId('connection').dataset.state = 'lost';
});
