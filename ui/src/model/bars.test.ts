import { expect, test } from 'vitest';
import { barEnd, barStart, decodeBars, duration, findRow, isHostGroup, keyOf, Kind, State } from './bars';
import { barsBody, testBars } from './testing';

test('knows where each subtree ends', () => {
  const bars = testBars([
    { name: 'a' },
    { name: 'a.b', depth: 1 },
    { name: 'a.b.c', depth: 2 },
    { name: 'a.d', depth: 1 },
    { name: 'e' },
  ]);
  expect([...bars.subtreeEnd]).toEqual([4, 3, 3, 4, 5]);
  expect([...bars.parent]).toEqual([-1, 0, 1, 0, -1]);
});

test('refuses columns that do not fit together', () => {
  const short = barsBody([{ name: 'a' }, { name: 'b' }]);
  short.rows.state = [1];
  expect(() => decodeBars(short)).toThrow(/column state/);
  const turned = barsBody([{ name: 'a' }, { name: 'b' }]);
  turned.rows.parent = [1, -1];
  expect(() => decodeBars(turned)).toThrow(/before its parent/);
});

test('takes an empty timeline', () => {
  const body = { ...barsBody([]), origin: null, duration_s: null };
  expect(decodeBars(body)).toMatchObject({ count: 0, extent: 0, runningCount: 0 });
});

test('a running bar reaches to now, also on a second try', () => {
  const bars = testBars([
    { name: 'first', state: State.running, start: 20, end: null },
    { name: 'again', state: State.running, start: 20, restart: 50, end: 40 },
  ]);
  expect(barEnd(bars, 0, 90)).toBe(90);
  expect(barEnd(bars, 1, 90)).toBe(90);
  expect(duration(bars, 1, 90)).toBe(70);
  expect(barEnd(bars, 0, 10)).toBe(20);
});

test('what has no end or no start has no duration', () => {
  const bars = testBars([
    { name: 'unfinished', state: State.unfinished, start: 30, end: null },
    { name: 'waiting', state: State.waiting, start: null, end: 40 },
    { name: 'point', kind: Kind.point, start: 5, end: null },
  ]);
  expect(barEnd(bars, 0, 500)).toBe(100);
  expect(barStart(bars, 1)).toBe(40);
  expect(barEnd(bars, 1, 500)).toBe(40);
  expect(barEnd(bars, 2, 500)).toBe(5);
  for (const row of [0, 1, 2]) expect(duration(bars, row, 500)).toBeNaN();
});

test('finds a row again by name and host', () => {
  const bars = testBars([
    { name: 'restart', kind: Kind.group },
    { name: 'restart', depth: 1, host: 1 },
    { name: 'restart', depth: 1, host: 2 },
    { name: 'restart', depth: 1, host: 0 },
  ]);
  expect(isHostGroup(bars, 0)).toBe(true);
  expect(isHostGroup(bars, 1)).toBe(false);
  for (const row of [0, 1, 2, 3]) expect(findRow(bars, keyOf(bars, row))).toBe(row);
  expect(findRow(bars, { name: 'restart', host: 'web-9' })).toBe(-1);
});

test('by host, an ancestor that every host has is another row under each', () => {
  const rows = [
    { name: '', host: 1 },
    { name: 'rollout', depth: 1, kind: Kind.group },
    { name: '', host: 2 },
    { name: 'rollout', depth: 1, kind: Kind.group },
  ];
  const bars = decodeBars({ ...barsBody(rows), group: 'host' });
  for (const row of [0, 1, 2, 3]) expect(findRow(bars, keyOf(bars, row))).toBe(row);
});
