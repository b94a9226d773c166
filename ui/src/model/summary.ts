import { duration, hasChildren, Kind, State, type Bars } from './bars';

/** What can be said of a row that has others below it. Durations in seconds; NaN where none ended. */
export interface Summary {
  /** Events below that are no points. */
  readonly steps: number;
  readonly points: number;
  readonly running: number;
  readonly failed: number;
  readonly unfinished: number;
  readonly shortest: number;
  readonly median: number;
  readonly longest: number;
  /** Direct children, longest first; at most `LISTED`. */
  readonly slowest: readonly number[];
}

const LISTED = 5;

/** Sums up the subtree of `row` as it is at `now` (seconds from the origin); durations are of direct children. */
export function summarize(bars: Bars, row: number, now: number): Summary {
  const counts = { steps: 0, points: 0, running: 0, failed: 0, unfinished: 0 };
  const children: { row: number; took: number }[] = [];
  for (let each = row + 1; each < bars.subtreeEnd[row]; each++) {
    if (bars.parent[each] === row) children.push({ row: each, took: duration(bars, each, now) });
    if (hasChildren(bars, each) && bars.kind[each] === Kind.group) continue;
    if (bars.kind[each] === Kind.point) counts.points++;
    else counts.steps++;
    if (bars.rowState[each] === State.running) counts.running++;
    if (bars.rowState[each] === State.failed) counts.failed++;
    if (bars.rowState[each] === State.unfinished) counts.unfinished++;
  }
  const timed = children.filter((child) => !Number.isNaN(child.took)).sort((a, b) => b.took - a.took);
  return {
    ...counts,
    shortest: timed.at(-1)?.took ?? NaN,
    median: median(timed.map((child) => child.took)),
    longest: timed[0]?.took ?? NaN,
    slowest: timed.slice(0, LISTED).map((child) => child.row),
  };
}

/** The middle value, or the mean of the two middle ones; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
