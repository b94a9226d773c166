import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Tapped } from '../api/function-types';
import { stubStreams, type FakeStream } from '../api/testing';
import { Logs, Tap, tappedMatches } from './watching';

const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
let streams: FakeStream[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('document', page);
  streams = stubStreams();
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

test('the tap shows what passes, newest first, a few times a second', async () => {
  const tap = new Tap('/tap');
  const stop = tap.start();
  const [stream] = streams;
  await stream.accept();
  expect([stream.href, tap.connected.value]).toEqual(['/tap', true]);
  await stream.tell('report', tapped('a'));
  await stream.tell('report', tapped('b'));
  expect(names(tap)).toEqual([]);
  vi.advanceTimersByTime(250);
  await stream.tell('report', tapped('c'));
  vi.advanceTimersByTime(250);
  expect(names(tap)).toEqual(['c', 'b', 'a']);
  for (let at = 0; at < 150; at++) await stream.tell('report', tapped(`n${at}`));
  vi.advanceTimersByTime(250);
  expect([tap.reports.value.length, names(tap)[0]]).toEqual([100, 'n149']);
  expect(new Set(tap.reports.value.map(({ number }) => number)).size).toBe(100);
  stop();
});

test('what is filtered out or comes in a pause is not taken', async () => {
  const tap = new Tap('/tap');
  const stop = tap.start();
  const [stream] = streams;
  await stream.accept();
  tap.filter.value = 'DEPLOY web';
  tap.changesOnly.value = true;
  await stream.tell('report', tapped('web.start'));
  await stream.tell('report', tapped('db.start'));
  await stream.tell('report', tapped('web.kept', { outcome: 'kept' }));
  tap.paused.value = true;
  await stream.tell('report', tapped('web.paused'));
  tap.paused.value = false;
  await stream.tell('report', tapped('web.end'));
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
