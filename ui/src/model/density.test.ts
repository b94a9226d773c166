import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Kind, State } from './bars';
import { Density, mostAtOnce } from './density';
import { median, summarize } from './summary';
import { testBars } from './testing';

test('counts what runs in each column, leaves only', () => {
  const bars = testBars([
    { name: 'a', start: 0, end: 100 },
    { name: 'a.b', depth: 1, start: 0, end: 50 },
    { name: 'a.c', depth: 1, start: 25, end: 75, state: State.failed },
    { name: 'a.d', depth: 1, start: 90, end: null, state: State.running },
  ]);
  const density = new Density(10);
  density.fill(bars, 0, bars.count, { from: 0, to: 100 }, 100);
  expect([...density.active.subarray(0, 10)]).toEqual([1, 1, 1, 2, 2, 1, 1, 1, 0, 1]);
  expect([...density.failed.subarray(0, 10)]).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 0, 0]);
  expect([...density.running.subarray(0, 10)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  expect(density.peak).toBe(2);
});

test('a failed step shorter than a pixel is still seen; a point is no work', () => {
  const bars = testBars([
    { name: 'blink', start: 50, end: 50.0001, state: State.failed },
    { name: 'mark', start: 20, end: null, kind: Kind.point },
  ]);
  const density = new Density(10);
  density.fill(bars, 0, bars.count, { from: 0, to: 100 }, 100);
  expect(density.failed[5]).toBe(1);
  expect(density.active[2]).toBe(0);
  expect(density.points[2]).toBe(1);
});

test('agrees with counting column by column', () => {
  const span = fc.tuple(fc.integer({ min: -50, max: 150 }), fc.integer({ min: 1, max: 100 }));
  fc.assert(
    fc.property(fc.array(span, { maxLength: 30 }), (spans) => {
      const bars = testBars(
        spans.map(([start, length], i) => ({ name: `s${i}`, start, end: start + length })),
      );
      const density = new Density(100);
      density.fill(bars, 0, bars.count, { from: 0, to: 100 }, 0);
      for (let x = 0; x < 100; x++) {
        expect(density.active[x]).toBe(
          spans.filter(([start, length]) => start <= x && x < start + length).length,
        );
      }
    }),
  );
});

test('knows the most steps at once, to the moment', () => {
  const bars = testBars([
    { name: 'a', start: 0, end: 10 },
    { name: 'b', start: 10, end: 20 },
    { name: 'c', start: 19.9, end: null, state: State.running },
    { name: 'd', start: 30, end: 40 },
    { name: 'e', start: 30, end: null, kind: Kind.point },
    { name: 'f', start: null, end: 35, state: State.waiting },
  ]);
  expect(mostAtOnce(bars, 90)).toBe(2);
  expect(mostAtOnce(testBars([]), 0)).toBe(0);
});

test('sums up what is below a row', () => {
  const bars = testBars([
    { name: 'a', kind: Kind.group },
    { name: 'a', depth: 1, host: 1, start: 0, end: 10 },
    { name: 'a', depth: 1, host: 2, start: 0, end: 40, state: State.failed },
    { name: 'a', depth: 1, host: 0, start: 70, end: null, state: State.running },
    { name: 'a.mark', depth: 1, kind: Kind.point },
  ]);
  expect(summarize(bars, 0, 90)).toEqual({
    steps: 3,
    points: 1,
    running: 1,
    failed: 1,
    unfinished: 0,
    shortest: 10,
    median: 20,
    longest: 40,
    slowest: [2, 3, 1],
  });
  expect(median([])).toBeNaN();
  expect(median([4, 1])).toBe(2.5);
});
