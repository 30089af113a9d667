// The live stream of changes. Under load a delivery changes faster than a page can be drawn, so changes are gathered,
// the last one of each delivery wins, and the gathering is bounded: beyond it listeners are told to read again.

const most = 2000; // changes held between two drawings
const pause = 80; // ms between two drawings

/**
 * Opens the stream. Calls onChanges([summary…]), onReset() after a reset of the platform, onGap() when changes were missed
 * and onState("live" | "lost").
 */
export function openStream(url, { onChanges, onReset, onGap, onState }) {
  const pending = new Map();
  let timer = 0;
  let opened = false;
  let missed = false;

  function flush() {
    timer = 0;
    const changes = [...pending.values()];
    pending.clear();
    if (changes.length > 0) onChanges(changes);
    if (missed) {
      missed = false;
      onGap();
    }
  }
  const schedule = () => (timer ||= setTimeout(flush, pause));

  const source = new EventSource(url);
  source.addEventListener('open', () => {
    onState('live');
    missed ||= opened; // a reconnection: something may have passed unseen
    opened = true;
    if (missed) schedule();
  });
  source.addEventListener('error', () => onState('lost'));
  source.addEventListener('delivery', (event) => {
    const summary = JSON.parse(event.data);
    if (pending.size >= most && !pending.has(summary.id)) missed = true;
    else pending.set(summary.id, summary);
    schedule();
  });
  source.addEventListener('missed', () => {
    missed = true;
    schedule();
  });
  source.addEventListener('reset', () => {
    pending.clear();
    onReset();
  });
  addEventListener('pagehide', () => source.close());
}
