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
  /** The most steps at once. */
  peak = 0;

  constructor(readonly width: number) {
    this.active = new Int32Array(width + 1);
    this.failed = new Int32Array(width + 1);
    this.running = new Int32Array(width + 1);
  }

  /** Counts the leaf rows `first .. end - 1` as they are at `now` (seconds from the origin) into columns. */
  fill(bars: Bars, first: number, end: number, view: View, now: number): void {
    const { active, failed, running, width } = this;
    active.fill(0);
    failed.fill(0);
    running.fill(0);
    const scale = width / (view.to - view.from);
    for (let row = first; row < end; row++) {
      if (hasChildren(bars, row)) continue;
      // A point, like any bar that is shorter than a pixel, still fills the column it falls into.
      const left = Math.floor((barStart(bars, row) - view.from) * scale);
      const right = Math.max(left + 1, Math.ceil((barEnd(bars, row, now) - view.from) * scale));
      if (!(right > 0 && left < width)) continue;
      const [a, b] = [Math.max(0, left), Math.min(width, right)];
      if (bars.kind[row] !== Kind.point) {
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
