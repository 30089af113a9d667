// What the page knows of the platform: its status, agents, faults and the contract's facts. Read at the start, and again
// when something has happened, but not more often than once in a while.

import { api } from './api.js';

const least = 700; // ms between two readings
const idle = 10000; // ms between two readings when nothing happens

const changes = new EventTarget();
let timer = 0;
let last = 0;
let reading = false;

export const platform = {
  status: null,
  readAt: 0, // performance.now() of the status
  agents: [],
  faults: [],
  kinds: [],
  facts: { providers: [], past_seconds: 300, future_seconds: 300 },

  /** The present provider's facts. */
  get provider() {
    const { providers } = this.facts;
    return providers.find(({ name }) => name === this.status?.provider) ?? providers[0];
  },
  /** Finds a signing scheme by its name, of whichever provider. */
  scheme(name) {
    return this.facts.providers.flatMap(({ schemes }) => schemes).find((scheme) => scheme.name === name);
  },
  /** The event types that can be emitted. */
  get events() {
    return this.provider?.events ?? [];
  },
  kind(name) {
    return this.kinds.find((kind) => kind.name === name);
  },
  /** The platform's time, carried on from the last reading. */
  now() {
    if (!this.status) return Date.now();
    const { now, scale } = this.status.clock;
    return Date.parse(now) + (performance.now() - this.readAt) * scale;
  },
};

/** Calls listener now and after every reading. */
export function watch(listener) {
  changes.addEventListener('change', listener);
  listener();
}

async function read() {
  const [status, agents, faults] = await Promise.all([api.status(), api.agents(), api.faults()]);
  Object.assign(platform, { status, agents, faults, readAt: performance.now() });
  changes.dispatchEvent(new Event('change'));
}

/** Reads now. */
export async function refresh() {
  clearTimeout(timer);
  reading = true;
  try {
    await read();
  } finally {
    reading = false;
    last = performance.now();
    timer = setTimeout(quietly, idle);
  }
}

// The stream's state tells that the mock is gone; a reading that fails for it need not say so again.
const quietly = () => refresh().catch(() => {});

/** Reads soon: at once after a quiet time, later when much is going on. */
export function refreshSoon() {
  if (reading) return;
  clearTimeout(timer);
  timer = setTimeout(quietly, Math.max(0, last + least - performance.now()));
}

/** Reads everything once. */
export async function startPlatform() {
  const [facts, kinds] = await Promise.all([api.providers(), api.faultKinds()]);
  Object.assign(platform, { facts, kinds });
  await refresh();
}
