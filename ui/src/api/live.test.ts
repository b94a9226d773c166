import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { follow } from './live';
import { poll } from './repeat';
import { OfflineError } from './client';
import type { Change } from './types';

/** A page that can be hidden, and the streams that it opened. */
const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
const streams: FakeStream[] = [];

class FakeStream extends EventTarget {
  onopen = () => {};
  onerror = () => {};
  closed = false;

  constructor(readonly href: string) {
    super();
    streams.push(this);
  }

  close(): void {
    this.closed = true;
  }

  tell(data: string): void {
    this.dispatchEvent(new MessageEvent('change', { data }));
  }
}

function show(visibilityState: 'visible' | 'hidden'): void {
  page.visibilityState = visibilityState;
  page.dispatchEvent(new Event('visibilitychange'));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('document', page);
  vi.stubGlobal('EventSource', FakeStream);
  page.visibilityState = 'visible';
  streams.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('tells changes, and connects anew after an error', async () => {
  const heard: unknown[] = [];
  const stop = follow<Change>('/stream', 'change', {
    event: (change) => heard.push(change.revision),
    connected: (connected) => heard.push(connected),
  });
  streams[0].onopen();
  streams[0].tell('{"revision":18,"state":"running","latest":42}');
  streams[0].onerror();
  expect(streams[0].closed).toBe(true);
  expect(heard).toEqual([true, 18, false]);
  await vi.advanceTimersByTimeAsync(1500);
  expect(streams).toHaveLength(2);
  streams[1].onopen();
  expect(heard.at(-1)).toBe(true);
  stop();
  expect(streams[1].closed).toBe(true);
});

test('a hidden page holds no connection', () => {
  const stop = follow('/stream', 'change', { event: () => {}, connected: () => {} });
  show('hidden');
  expect(streams.map((each) => each.closed)).toEqual([true]);
  show('visible');
  expect(streams.map((each) => each.closed)).toEqual([true, false]);
  stop();
  show('hidden');
  show('visible');
  expect(streams).toHaveLength(2);
});

test('polling rests while the page is hidden and starts at once when it is shown', async () => {
  let runs = 0;
  const stop = poll(async () => void runs++, 1000);
  await vi.advanceTimersByTimeAsync(2500);
  expect(runs).toBe(3);
  show('hidden');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toBe(3);
  show('visible');
  await vi.advanceTimersByTimeAsync(0);
  expect(runs).toBe(4);
  stop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toBe(4);
});

test('polling slows down while there is no answer and ends at a no', async () => {
  let runs = 0;
  let error: Error = new OfflineError('connection lost');
  poll(() => {
    runs++;
    return Promise.reject(error);
  }, 100);
  await vi.advanceTimersByTimeAsync(5000);
  expect(runs).toBeLessThan(6);
  error = new Error('no');
  await vi.advanceTimersByTimeAsync(15_000);
  const ended = runs;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(runs).toBe(ended);
});
