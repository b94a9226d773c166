import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { follow } from './live';
import { poll } from './repeat';
import { OfflineError } from './client';
import { refusal, settled, stubStreams, type FakeStream } from './testing';
import { dismissQuestion, forgetToken, giveToken, question } from './token';
import type { Change } from './types';

/** A page that can be hidden, and the streams that it asked for. */
const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
let streams: FakeStream[];

function show(visibilityState: 'visible' | 'hidden'): void {
  page.visibilityState = visibilityState;
  page.dispatchEvent(new Event('visibilitychange'));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('document', page);
  page.visibilityState = 'visible';
  streams = stubStreams();
});
afterEach(() => {
  forgetToken();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Follows a stream. Returns all that is told of it, and what ends it. */
function listen(): { heard: unknown[]; stop: () => void } {
  const heard: unknown[] = [];
  const stop = follow<Change>('/stream', 'change', {
    event: (change) => heard.push(change.revision),
    connected: () => heard.push('connected'),
    lost: (error) => heard.push(error.message),
  });
  return { heard, stop };
}

test('tells changes, and connects anew after an error', async () => {
  const { heard, stop } = listen();
  await streams[0].accept();
  await streams[0].tell('other', {});
  await streams[0].send('event: change\r\ndata: {"revision":18,"sta');
  await streams[0].send('te":"running","latest":42}\r\n\r\n: still there\r\n\r\n');
  await streams[0].cut();
  expect(streams[0].closed).toBe(true);
  expect(heard.splice(0)).toEqual(['connected', 18, 'connection lost']);
  await vi.advanceTimersByTimeAsync(1500);
  expect(streams).toHaveLength(2);
  await streams[1].accept();
  await streams[1].end();
  expect(heard.splice(0)).toEqual(['connected', 'connection lost']);
  await vi.advanceTimersByTimeAsync(1500);
  await streams[2].accept();
  expect(heard).toEqual(['connected']);
  stop();
  expect(streams[2].closed).toBe(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(streams).toHaveLength(3);
  expect(heard).toEqual(['connected']);
});

test('waits longer each time that there is no connection', async () => {
  const { heard, stop } = listen();
  await streams[0].refuse();
  await vi.advanceTimersByTimeAsync(1500);
  await streams[1].with(new Response('{"title":"not found"}', { status: 404 }));
  await vi.advanceTimersByTimeAsync(1250);
  expect(streams).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1500);
  expect(streams).toHaveLength(3);
  await streams[2].with(new Response('<p>Log in first', { headers: { 'Content-Type': 'text/html' } }));
  expect(heard).toEqual(['connection lost', 'not found', 'no stream of events came']);
  stop();
});

test('asks for a token where the stream needs one, and gives up where there is none', async () => {
  const { heard, stop } = listen();
  await streams[0].with(refusal(401, 'read'));
  expect(question.value?.scope).toBe('read');
  giveToken('good', false);
  await settled();
  expect(streams[1].token).toBe('Bearer good');
  await streams[1].accept();
  await streams[1].cut();
  await vi.advanceTimersByTimeAsync(1500);
  await streams[2].with(refusal(403, 'read', 'the token "ci" has not the scope read'));
  dismissQuestion();
  await settled();
  expect(heard).toEqual(['connected', 'connection lost', 'the token "ci" has not the scope read']);
  await vi.advanceTimersByTimeAsync(60_000);
  show('hidden');
  show('visible');
  expect(streams).toHaveLength(3);
  stop();
});

test('a hidden page holds no connection', async () => {
  const { heard, stop } = listen();
  show('hidden');
  await settled();
  expect(streams.map((each) => each.closed)).toEqual([true]);
  show('visible');
  await streams[1].accept();
  expect(streams.map((each) => each.closed)).toEqual([true, false]);
  show('hidden');
  await settled();
  expect(streams.map((each) => each.closed)).toEqual([true, true]);
  stop();
  show('visible');
  expect(streams).toHaveLength(2);
  expect(heard).toEqual(['connected']);
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
