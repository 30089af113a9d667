// What the page tells: notices that everyone sees, alerts, and news for screen readers alone.

import { byId, say } from './dom.js';
import { plural } from './format.js';

const shown = 6000; // ms that a notice stays
const newsPause = 1500; // ms between two pieces of news

const timers = new Map();

function show(node, text) {
  clearTimeout(timers.get(node));
  node.textContent = text;
  timers.set(node, setTimeout(() => say(node, ''), shown));
}

/** Tells that something was done. */
export const notify = (text) => show(byId('notice'), text);

/** Tells that something went wrong. */
export const complain = (error) => show(byId('alert'), error.message);

/** Runs an action and complains when it fails. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    complain(error);
    return undefined;
  }
}

const tally = { arrived: 0, succeeded: 0, failed: 0 };
let newsTimer = 0;

/** Counts what happens in the list, and says it now and then in one sentence. */
export function report(what) {
  tally[what] += 1;
  newsTimer ||= setTimeout(() => {
    newsTimer = 0;
    const parts = [];
    if (tally.arrived) parts.push(plural(tally.arrived, 'new delivery', 'new deliveries'));
    if (tally.succeeded) parts.push(`${tally.succeeded} succeeded`);
    if (tally.failed) parts.push(`${tally.failed} failed`);
    Object.assign(tally, { arrived: 0, succeeded: 0, failed: 0 });
    say(byId('news'), parts.join(', '));
  }, newsPause);
}
