import { signal } from '@preact/signals';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { State, type Bars } from '../model/bars';
import { AXIS_PX, ROW_PX } from '../model/layout';
import { testBars, type TestRow } from '../model/testing';
import { addressOf, readAddress } from './address';
import { TimelineView } from './timeline-view';

const DEPLOY: TestRow[] = [
  { name: 'build', end: 30 },
  { name: 'build.compile', depth: 1, end: 20 },
  { name: 'build.test', depth: 1, start: 20, end: 30, state: State.failed },
  { name: 'rollout', start: 30, end: 100 },
  { name: 'rollout.web', depth: 1, host: 1, start: 30, end: 100, state: State.failed },
];

function viewOf(rows: TestRow[]) {
  const bars = signal<Bars | null>(testBars(rows));
  const view = new TimelineView(bars);
  view.height.value = AXIS_PX + 10 * ROW_PX;
  return { bars, view, listed: () => [...view.rows.value].map((row) => bars.value!.name[row]) };
}

test('what is folded and selected stays so when rows come in above', () => {
  const { bars, view, listed } = viewOf(DEPLOY);
  view.toggle(0);
  view.select(3);
  bars.value = testBars([{ name: 'before' }, ...DEPLOY]);
  expect(listed()).toEqual(['before', 'build', 'rollout', 'rollout.web']);
  expect(view.activeRow.value).toBe(4);
  expect(view.tabPosition.value).toBe(2);
});

test('folds level by level and back', () => {
  const { view, listed } = viewOf(DEPLOY);
  view.foldBy(-1);
  expect(listed()).toEqual(['build', 'rollout']);
  view.foldBy(-1);
  expect(listed()).toHaveLength(2);
  view.foldBy(1);
  expect(view.fold.value.level).toBe(Infinity);
  expect(listed()).toHaveLength(5);
});

test('the next failed step is unfolded and goes round', () => {
  const { view } = viewOf(DEPLOY);
  view.foldTo(0);
  view.selectNextFailed(1);
  expect(view.activeRow.value).toBe(2);
  expect(view.rows.value).toContain(2);
  view.selectNextFailed(1);
  expect(view.activeRow.value).toBe(4);
  view.selectNextFailed(1);
  expect(view.activeRow.value).toBe(2);
  view.selectNextFailed(-1);
  expect(view.activeRow.value).toBe(4);
});

test('a row off the screen is scrolled to, a near one no further than it must', () => {
  const rows = Array.from({ length: 100 }, (_, i): TestRow => ({ name: `s${i}` }));
  const { view } = viewOf(rows);
  view.select(5);
  expect(view.scrollWanted.value).toBeNull();
  view.select(10);
  expect(view.scrollWanted.value).toEqual({ top: ROW_PX });
  view.select(60);
  expect(view.scrollWanted.value).toEqual({ top: 60 * ROW_PX - 4.5 * ROW_PX });
});

test('zooming out to all goes on showing all', () => {
  const { view } = viewOf(DEPLOY);
  view.zoomBy(0.5);
  expect(view.range.value).not.toBeNull();
  view.zoomBy(10);
  expect(view.range.value).toBeNull();
  view.zoomToRow(1);
  expect(view.current()).toEqual({ from: -2, to: 24 });
});

test('a folded row is stood for by what holds it', () => {
  const { view } = viewOf(DEPLOY);
  view.foldTo(0);
  expect(view.nearestPosition(4)).toBe(1);
  expect(view.nearestPosition(0)).toBe(0);
});

test('an address shows the same again', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('step', 'host'),
      fc.constantFrom('relative', 'absolute'),
      fc.string({ unit: 'grapheme' }),
      fc.option(
        fc.tuple(
          fc.double({ min: -5, max: 90, noNaN: true }),
          fc.double({ min: 0.001, max: 9, noNaN: true }),
        ),
      ),
      (group, timeMode, query, range) => {
        const { view } = viewOf(DEPLOY);
        view.group.value = group as 'step' | 'host';
        view.timeMode.value = timeMode as 'relative' | 'absolute';
        view.query.value = query;
        view.range.value = range === null ? null : { from: range[0], to: range[0] + range[1] };
        const { view: again } = viewOf(DEPLOY);
        readAddress(again, addressOf(view));
        expect([again.group.value, again.timeMode.value, again.query.value]).toEqual([
          group,
          timeMode,
          query,
        ]);
        if (range === null) {
          expect(again.range.value).toBeNull();
        } else {
          const pixel = range[1] / 2000;
          expect(Math.abs(again.range.value!.from - range[0])).toBeLessThan(pixel);
        }
      },
    ),
  );
});

test('an address that makes no sense changes nothing', () => {
  const { view } = viewOf(DEPLOY);
  readAddress(view, '?group=planet&time=lunar&from=9&to=3');
  expect(addressOf(view)).toBe('');
});
