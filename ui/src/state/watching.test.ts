import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Tapped } from '../api/function-types';
import { Logs, Tap, tappedMatches } from './watching';

const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
let stream: FakeStream;

class FakeStream extends EventTarget {
  onopen = () => {};
  onerror = () => {};

  constructor(readonly href: string) {
    super();
    stream = this;
  }

  close(): void {}

  tell(tapped: Tapped): void {
    this.dispatchEvent(new MessageEvent('report', { data: JSON.stringify(tapped) }));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('document', page);
  vi.stubGlobal('EventSource', FakeStream);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const tapped = (name: string, part: Partial<Tapped> = {}): Tapped => ({
  at: '2026-11-22T14:00:00.000000Z',
  version: 1,
  before: { context: 'deploy', name, type: 'start' },
  outcome: 'changed',
  after: [{ context: 'deploy', name: name.toUpperCase(), type: 'start' }],
  failure: null,
  time_us: 1,
  ...part,
});
const names = (tap: Tap) => tap.reports.value.map(({ before }) => before.name);

test('the tap shows what passes, newest first, a few times a second', () => {
  const tap = new Tap('/tap');
  const stop = tap.start();
  stream.onopen();
  expect([stream.href, tap.connected.value]).toEqual(['/tap', true]);
  stream.tell(tapped('a'));
  stream.tell(tapped('b'));
  expect(names(tap)).toEqual([]);
  vi.advanceTimersByTime(250);
  stream.tell(tapped('c'));
  vi.advanceTimersByTime(250);
  expect(names(tap)).toEqual(['c', 'b', 'a']);
  for (let at = 0; at < 150; at++) stream.tell(tapped(`n${at}`));
  vi.advanceTimersByTime(250);
  expect([tap.reports.value.length, names(tap)[0]]).toEqual([100, 'n149']);
  expect(new Set(tap.reports.value.map(({ number }) => number)).size).toBe(100);
  stop();
});

test('what is filtered out or comes in a pause is not taken', () => {
  const tap = new Tap('/tap');
  const stop = tap.start();
  tap.filter.value = 'DEPLOY web';
  tap.changesOnly.value = true;
  stream.tell(tapped('web.start'));
  stream.tell(tapped('db.start'));
  stream.tell(tapped('web.kept', { outcome: 'kept' }));
  tap.paused.value = true;
  stream.tell(tapped('web.paused'));
  tap.paused.value = false;
  stream.tell(tapped('web.end'));
  vi.advanceTimersByTime(250);
  expect(names(tap)).toEqual(['web.end', 'web.start']);
  stop();
});

test('a filter looks into what came out and why it failed', () => {
  const failed = tapped('a', { failure: { cause: 'error', message: 'No such host' }, after: [] });
  expect(['host a', 'nothing', '', '  '].map((filter) => tappedMatches(failed, filter))).toEqual([
    true,
    false,
    true,
    true,
  ]);
  expect(tappedMatches(tapped('a', { after: [{ context: 'x', type: 'new' }] }), 'new')).toBe(true);
});

test('logs are asked for from where they ended, each line once, and not in a pause', async () => {
  const asked: string[] = [];
  const answers = [[1, 2], [], [3]];
  vi.stubGlobal('fetch', async (href: string) => {
    asked.push(href);
    const lines = answers.shift()!.map((seq) => ({ seq, text: `line ${seq}` }));
    const last = lines.at(-1)?.seq ?? 2;
    const body = { _links: { next: { href: `/logs?after=${last}` } }, _embedded: { lines } };
    return new Response(JSON.stringify(body));
  });
  const logs = new Logs('/logs');
  const stop = logs.start();
  await vi.advanceTimersByTimeAsync(0);
  const first = logs.lines.value;
  expect(first?.map(({ seq }) => seq)).toEqual([1, 2]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(logs.lines.value).toBe(first);
  logs.paused.value = true;
  await vi.advanceTimersByTimeAsync(4000);
  expect(asked).toEqual(['/logs', '/logs?after=2']);
  logs.paused.value = false;
  await vi.advanceTimersByTimeAsync(2000);
  expect(logs.lines.value?.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  stop();
});
