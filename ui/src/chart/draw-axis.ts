import { formatOffset, formatTimeOfDay, type TimeMode } from '../model/format';
import { AXIS_PX } from '../model/layout';
import { toPx } from '../model/scale';
import { ticks } from '../model/ticks';
import { zoneOffset } from '../model/time';
import type { Frame } from './frame';
import type { Renderer } from './renderer';

const GAP_PX: Record<TimeMode, number> = { relative: 84, absolute: 96 };

/** Draws the lines of the grid over the whole height and the times above the rows. */
export function drawAxis(to: Renderer, frame: Frame): void {
  const { width, height, view, palette, timeMode, bars } = frame;
  const localOrigin = bars.originMs / 1000 + zoneOffset(bars.originMs + view.from * 1000);
  const shift = timeMode === 'absolute' ? localOrigin : 0;
  const { step, at } = ticks(view, width, GAP_PX[timeMode], shift);
  for (const t of at) {
    const x = Math.round(toPx(view, width, t)) + 0.5;
    to.line(x, AXIS_PX - 5, x, height, palette.grid);
    const label =
      timeMode === 'absolute' ? formatTimeOfDay(bars.originMs + t * 1000, step) : formatOffset(t, step);
    // Half a label at the edge would read as another time.
    if (x + 5 + to.measure(label) < width) to.text(label, x + 5, AXIS_PX / 2, palette.muted);
  }
  to.line(0, AXIS_PX - 0.5, width, AXIS_PX - 0.5, palette.divider);
}

/** Draws where the server's now is: a thin line with a mark on the axis. */
export function drawNow(to: Renderer, frame: Frame): void {
  const x = toPx(frame.view, frame.width, frame.now);
  if (x < 0 || x > frame.width) return;
  to.line(x, AXIS_PX, x, frame.height, frame.palette.now, [1, 3]);
  to.triangle(x, AXIS_PX - 4, 4, frame.palette.now);
}
