import { barEnd, barStart, hasChildren, Kind, State, type Bars } from './bars';
import type { View } from './scale';

/**
 * How much goes on in each pixel column: what many rows look like when they are drawn into one. Made once
 * for a width and filled again for each use, so that drawing makes no garbage.
 */
export class Density {
  /** Steps that run, a column. */
  active: Int32Array;
  /** Of these, failed and still running. */
  failed: Int32Array;
  running: Int32Array;
  /** Points. */
  points: Int32Array;
  /** The most in any column of `active`. */
  peak = 0;

  constructor(readonly width: number) {
    this.active = new Int32Array(width + 1);
    this.failed = new Int32Array(width + 1);
    this.running = new Int32Array(width + 1);
    this.points = new Int32Array(width);
  }

  /** Counts the leaf rows `first .. end - 1` as they are at `now` (seconds from the origin) into columns. */
  fill(bars: Bars, first: number, end: number, view: View, now: number): void {
    const { active, failed, running, points, width } = this;
    for (const column of [active, failed, running, points]) column.fill(0);
    const scale = width / (view.to - view.from);
    for (let row = first; row < end; row++) {
      // Of what waits for its start nobody knows when it ran.
      if (hasChildren(bars, row) || bars.rowState[row] === State.waiting) continue;
      // To the nearest edge, so that of two steps one after the other no column counts both; what is
      // shorter than a column still fills the one that it falls into.
      const left = Math.round((barStart(bars, row) - view.from) * scale);
      const right = Math.max(left + 1, Math.round((barEnd(bars, row, now) - view.from) * scale));
      if (!(right > 0 && left < width)) continue;
      const [a, b] = [Math.max(0, left), Math.min(width, right)];
      if (bars.kind[row] === Kind.point) {
        points[a]++;
      } else {
        active[a]++;
        active[b]--;
      }
      const state = bars.rowState[row];
      if (state !== State.failed && state !== State.running) continue;
      const column = state === State.failed ? failed : running;
      column[a]++;
      column[b]--;
    }
    this.sum();
  }

  private sum(): void {
    const { active, failed, running, width } = this;
    this.peak = 0;
    for (let x = 1; x < width; x++) {
      active[x] += active[x - 1];
      failed[x] += failed[x - 1];
      running[x] += running[x - 1];
    }
    for (let x = 0; x < width; x++) if (active[x] > this.peak) this.peak = active[x];
  }
}

/** The most steps that ran at the same moment; leaf rows only, points not. `now` in seconds from the origin. */
export function mostAtOnce(bars: Bars, now: number): number {
  const starts = new Float64Array(bars.count);
  const ends = new Float64Array(bars.count);
  let steps = 0;
  for (let row = 0; row < bars.count; row++) {
    if (hasChildren(bars, row) || bars.kind[row] !== Kind.span || Number.isNaN(bars.start[row])) continue;
    starts[steps] = bars.start[row];
    ends[steps++] = barEnd(bars, row, now);
  }
  starts.subarray(0, steps).sort();
  ends.subarray(0, steps).sort();
  let most = 0;
  for (let begun = 0, over = 0; begun < steps; begun++) {
    // What ends as another starts is not at once with it.
    while (ends[over] <= starts[begun]) over++;
    most = Math.max(most, begun + 1 - over);
  }
  return most;
}
