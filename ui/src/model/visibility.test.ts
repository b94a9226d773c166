import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasChildren, Kind, State, type Bars } from './bars';
import { testBars, type TestRow } from './testing';
import {
  findRows,
  firstAtLeast,
  foldedRows,
  Found,
  levels,
  OPEN,
  positionOf,
  toggle,
  visibleRows,
} from './visibility';

/** Any forest in pre-order, of which each row has a name of its own. */
const forest = fc
  .array(fc.integer({ min: 0, max: 4 }), { maxLength: 60 })
  .map((jumps) => {
    let depth = -1;
    return jumps.map((jump, index): TestRow => {
      depth = Math.min(depth + 1, jump);
      return { name: `step${index}`, depth };
    });
  })
  .map(testBars);

const deploy = () =>
  testBars([
    { name: 'build' },
    { name: 'build.compile', depth: 1 },
    { name: 'build.test', depth: 1, state: State.failed },
    { name: 'rollout', kind: Kind.group, state: State.failed },
    { name: 'rollout.restart', depth: 1, kind: Kind.group, state: State.failed },
    { name: 'rollout.restart', depth: 2, host: 1 },
    { name: 'rollout.restart', depth: 2, host: 2, state: State.failed },
  ]);

const list = (bars: Bars, fold = OPEN, query = '') => [
  ...visibleRows(bars, foldedRows(bars, fold), findRows(bars, query)?.found ?? null),
];

test('folds to a level, and single rows against it', () => {
  const bars = deploy();
  expect(levels(bars)).toBe(2);
  expect(list(bars)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  const tops = { level: 0, toggled: new Set<string>() };
  expect(list(bars, tops)).toEqual([0, 3]);
  expect(list(bars, { level: 1, toggled: new Set() })).toEqual([0, 1, 2, 3, 4]);
  expect(list(bars, toggle(tops, bars, [3]))).toEqual([0, 3, 4]);
  expect(toggle(toggle(OPEN, bars, [0]), bars, [0]).toggled.size).toBe(0);
});

test('a row is listed exactly if no row above it is folded', () => {
  fc.assert(
    fc.property(forest, fc.func(fc.boolean()), (bars, isFolded) => {
      const folded = new Uint8Array(bars.count);
      for (let row = 0; row < bars.count; row++)
        folded[row] = hasChildren(bars, row) && isFolded(row) ? 1 : 0;
      const expected: number[] = [];
      for (let row = 0; row < bars.count; row++) {
        let above = bars.parent[row];
        while (above >= 0 && folded[above] === 0) above = bars.parent[above];
        if (above < 0) expected.push(row);
      }
      expect([...visibleRows(bars, folded, null)]).toEqual(expected);
    }),
  );
});

test('a search shows what it found with its ancestors and all below, open or not', () => {
  const bars = deploy();
  const shut = { level: 0, toggled: new Set<string>() };
  expect(list(bars, OPEN, 'web-2')).toEqual([3, 4, 6]);
  expect(list(bars, shut, 'web-2')).toEqual([3, 4, 6]);
  expect(list(bars, OPEN, 'BUILD')).toEqual([0, 1, 2]);
  expect(list(bars, OPEN, 'rollout web-1')).toEqual([3, 4, 5]);
  expect(list(bars, OPEN, 'nothing such')).toEqual([]);
  expect(findRows(bars, '  ')).toBeNull();
});

test('a search may ask for a state', () => {
  const bars = deploy();
  expect(findRows(bars, 'is:failed')!.count).toBe(2);
  expect(list(bars, OPEN, 'is:failed')).toEqual([0, 2, 3, 4, 6]);
  expect(list(bars, OPEN, 'is:failed web')).toEqual([3, 4, 6]);
  expect(list(bars, OPEN, 'is:nonsense')).toEqual([]);
});

test('what is found is marked with what holds it and what it holds', () => {
  const found = findRows(deploy(), 'compile')!.found;
  expect([...found]).toEqual([Found.below, Found.itself, 0, 0, 0, 0, 0]);
});

test('positions in an ascending list are found', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(500)), fc.nat(500), (values, row) => {
      const rows = Int32Array.from(values).sort();
      expect(positionOf(rows, row)).toBe(rows.indexOf(row));
      expect(firstAtLeast(rows, row)).toBe(rows.filter((each) => each < row).length);
    }),
  );
});

test('100,000 rows are listed in a few milliseconds', () => {
  const rows: TestRow[] = [];
  for (let i = 0; i < 100_000; i++) rows.push({ name: `s${i}`, depth: i % 10 === 0 ? 0 : 1 });
  const bars = testBars(rows);
  const shut = foldedRows(bars, { level: 0, toggled: new Set() });
  const began = performance.now();
  expect(visibleRows(bars, foldedRows(bars, OPEN), null).length).toBe(100_000);
  expect(visibleRows(bars, shut, null).length).toBe(10_000);
  // Far above what it takes, so that a busy machine does not fail it; an object a row would.
  expect(performance.now() - began).toBeLessThan(100);
});
