import { effect } from '@preact/signals';
import type { TimelineView } from './timeline-view';

/** Takes what the page's address says of the view: `group`, `time`, `from` and `to` (seconds), `q`. */
export function readAddress(view: TimelineView, search: string): void {
  const query = new URLSearchParams(search);
  if (query.get('group') === 'host') view.group.value = 'host';
  if (query.get('time') === 'absolute') view.timeMode.value = 'absolute';
  view.query.value = query.get('q') ?? '';
  const [from, to] = [Number(query.get('from') ?? NaN), Number(query.get('to') ?? NaN)];
  if (from < to) view.range.value = { from, to };
}

/** What to say in the address of the view; what is as usual is left out. */
export function addressOf(view: TimelineView): string {
  const query = new URLSearchParams();
  if (view.group.value !== 'step') query.set('group', view.group.value);
  if (view.timeMode.value !== 'relative') query.set('time', view.timeMode.value);
  if (view.query.value !== '') query.set('q', view.query.value);
  const range = view.range.value;
  if (range !== null) {
    // Four figures of what is shown are finer than a pixel.
    const places = Math.max(0, Math.min(6, 4 - Math.floor(Math.log10(range.to - range.from))));
    query.set('from', range.from.toFixed(places));
    query.set('to', range.to.toFixed(places));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** Browsers refuse more than a hundred changes of the address in 30 s. */
const SETTLE_MS = 400;

/** Keeps the address in step with the view, so that a link shows the same. Returns what ends it. */
export function keepAddress(view: TimelineView): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = effect(() => {
    const search = addressOf(view);
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (location.search !== search) history.replaceState(history.state, '', location.pathname + search);
    }, SETTLE_MS);
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}
