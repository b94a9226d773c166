import type { Timeline } from '../api/types';
import { duration, State, type Bars } from '../model/bars';
import { serverClock } from '../api/clock';
import { formatDuration, formatGrowing } from '../model/format';
import { parseInstant } from '../model/time';
import { everySecond } from '../state/ticker';

/** How long a timeline took, or has taken by the server's now. Seconds; NaN: nothing came yet. */
export function timelineSeconds(timeline: Timeline): number {
  if (timeline.state !== 'running' || timeline.first === null) return timeline.duration_s ?? NaN;
  return Math.max(0, (serverClock.now() - parseInstant(timeline.first)) / 1000);
}

/** A timeline's duration, growing while it runs. */
export function TimelineTook({ timeline }: { timeline: Timeline }) {
  if (timeline.state !== 'running') return <>{formatDuration(timelineSeconds(timeline)) || '–'}</>;
  void everySecond.value;
  return <>{formatGrowing(timelineSeconds(timeline))}</>;
}

/** A row's duration, growing while it runs. `now` gives seconds from the origin. */
export function RowTook({ bars, row, now }: { bars: Bars; row: number; now: () => number }) {
  if (bars.rowState[row] !== State.running) return <>{formatDuration(duration(bars, row, now()))}</>;
  void everySecond.value;
  return <>{formatGrowing(duration(bars, row, now()))}</>;
}
