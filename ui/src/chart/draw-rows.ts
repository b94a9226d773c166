import {
  barEnd,
  barStart,
  duration,
  hasChildren,
  Kind,
  State,
  stateOf,
  statusOf,
  type Bars,
} from '../model/bars';
import { Density } from '../model/density';
import { formatDuration, formatGrowing } from '../model/format';
import { AXIS_PX, ROW_PX, rowsOnScreen, rowTop } from '../model/layout';
import { toPx } from '../model/scale';
import type { Frame } from './frame';
import type { Palette } from './palette';
import type { Renderer } from './renderer';

const BAR_PX = 12;
const GROUP_PX = 4;
const POINT_PX = 4.5;
const WAITING_PX = 36;
/** A bar that is shorter on the screen is drawn this wide, so that it can be seen. */
const NARROWEST_PX = 2;
/** How far beyond the edges of the screen a bar is still drawn; the rest of it would cost and not show. */
const BEYOND_PX = 8;
const TEXT_GAP_PX = 6;

let density = new Density(1);

/** Draws the rows that are on the screen, below the axis. */
export function drawRows(to: Renderer, frame: Frame): void {
  const { rows, scrollTop, width, height } = frame;
  if (density.width !== Math.ceil(width)) density = new Density(Math.ceil(width));
  to.clip(0, AXIS_PX, width, height - AXIS_PX, () => {
    const [first, end] = rowsOnScreen(scrollTop, height, rows.length);
    for (let position = first; position < end; position++) {
      const row = rows[position];
      const top = rowTop(position, scrollTop);
      if (frame.bars.depth[row] === 0 && position > 0) {
        to.rect(0, Math.round(top), width, 1, frame.palette.grid);
      }
      drawRow(to, frame, row, top);
    }
  });
}

function drawRow(to: Renderer, frame: Frame, row: number, top: number): void {
  const { bars, view, width, now } = frame;
  const middle = top + ROW_PX / 2;
  const start = toPx(view, width, barStart(bars, row));
  const end = toPx(view, width, barEnd(bars, row, now));
  if (end < 0) to.text('‹', 5, middle, frame.palette.muted);
  if (start > width) to.text('›', width - 5, middle, frame.palette.muted, 'right');
  // Also of NaN: a row of which no time is known has no bar.
  if (!(start <= width && end >= 0)) return;
  if (bars.kind[row] === Kind.point) {
    drawPoint(to, frame, row, start, middle);
    return;
  }
  if (bars.rowState[row] === State.waiting) {
    drawWaiting(to, frame.palette, end, middle);
    drawCaption(to, frame, row, end - WAITING_PX, end, middle);
    return;
  }
  const x = Math.max(start, -BEYOND_PX);
  const w = Math.max(Math.min(end, width + BEYOND_PX) - x, NARROWEST_PX);
  if (hasChildren(bars, row) && frame.isShut(row)) drawShut(to, frame, row, x, w, middle);
  else if (bars.kind[row] === Kind.group) drawGroup(to, frame.palette, bars, row, x, w, middle);
  else drawSpan(to, frame, row, x, w, middle);
  drawCaption(to, frame, row, x, x + w, middle);
}

function drawPoint(to: Renderer, frame: Frame, row: number, x: number, middle: number): void {
  const { bars, palette } = frame;
  const failed = bars.rowState[row] === State.failed;
  to.diamond(x, middle, POINT_PX, failed ? palette.failed : palette.text, palette.surface);
  if (failed) to.cross(x + 12, middle, 3, palette.failed);
}

/** Its end is known and its start is not: an end stop with a fading line towards the past. */
function drawWaiting(to: Renderer, palette: Palette, end: number, middle: number): void {
  to.line(end - WAITING_PX, middle, end, middle, palette.waiting, [2, 3]);
  to.rect(end - 1, middle - BAR_PX / 2, 2, BAR_PX, palette.waiting);
}

function drawSpan(to: Renderer, frame: Frame, row: number, x: number, w: number, middle: number): void {
  const { bars, palette } = frame;
  const top = middle - BAR_PX / 2;
  switch (bars.rowState[row]) {
    case State.failed:
      to.bar(x, top, w, BAR_PX, palette.failed);
      if (w > 6) to.hatch(x + 1, top + 1, w - 2, BAR_PX - 2, palette.failedEdge);
      break;
    case State.running:
      to.bar(x, top, w, BAR_PX, palette.running, { color: palette.runningEdge });
      to.rect(x + w - 2, top - 2, 2, BAR_PX + 4, palette.runningEdge);
      break;
    case State.unfinished:
      to.bar(x, top, w, BAR_PX, null, { color: palette.unfinished, dashed: true });
      to.hatch(x + 1, top + 1, w - 2, BAR_PX - 2, palette.unfinished);
      break;
    default:
      drawEnded(to, palette, bars, row, x, w, middle);
  }
  if (!Number.isNaN(bars.restart[row])) drawRestart(to, frame, row, top);
}

/** What was skipped or cancelled did not do its work: its bar is hollow. */
function drawEnded(
  to: Renderer,
  palette: Palette,
  bars: Bars,
  row: number,
  x: number,
  w: number,
  middle: number,
): void {
  const status = statusOf(bars, row);
  if (status === 'skipped' || status === 'cancelled') {
    to.bar(x, middle - BAR_PX / 2, w, BAR_PX, null, { color: palette.endedEdge });
  } else {
    to.bar(x, middle - BAR_PX / 2, w, BAR_PX, palette.ended);
  }
}

/** Cuts the bar where its latest try began. */
function drawRestart(to: Renderer, frame: Frame, row: number, top: number): void {
  const x = Math.round(toPx(frame.view, frame.width, frame.bars.restart[row]));
  to.rect(x - 2, top, 1.5, BAR_PX, frame.palette.surface);
  to.triangle(x, top - 1, 3, frame.palette.text);
}

/** An open group: a thin line over the time that its rows take, with feet. */
function drawGroup(
  to: Renderer,
  palette: Palette,
  bars: Bars,
  row: number,
  x: number,
  w: number,
  middle: number,
): void {
  const color = palette.group;
  const top = middle - 4;
  to.rect(x, top, w, GROUP_PX, color);
  to.rect(x, top, 2, 9, color);
  if (bars.rowState[row] === State.running) to.rect(x + w - 2, top - 1, 2, 10, palette.runningEdge);
  else to.rect(x + w - 2, top, 2, 9, color);
}

/** A shut group: how much went on inside at each moment, not one bar that pretends to be busy throughout. */
function drawShut(to: Renderer, frame: Frame, row: number, x: number, w: number, middle: number): void {
  const { bars, palette, view, now } = frame;
  const bottom = middle + BAR_PX / 2;
  to.rect(x, bottom - 1, w, 1, palette.group);
  density.fill(bars, row + 1, bars.subtreeEnd[row], view, now);
  const { active, failed, running, peak } = density;
  const [first, end] = [Math.max(0, Math.floor(x)), Math.min(density.width, Math.ceil(x + w))];
  const height = (at: number) => heightOf(active[at], peak);
  drawStrip(to, first, end, bottom, palette.ended, height);
  const runs = (at: number) => (running[at] > 0 ? height(at) : 0);
  drawStrip(to, first, end, bottom, palette.runningEdge, runs);
  drawStrip(to, first, end, bottom, palette.running, (at) => Math.max(0, runs(at) - 1));
  drawStrip(to, first, end, bottom, palette.failed, (at) => heightOf(failed[at], peak));
  drawInnerPoints(to, palette, middle);
}

function heightOf(steps: number, peak: number): number {
  return steps <= 0 ? 0 : 3 + Math.round(((BAR_PX - 3) * steps) / Math.max(1, peak));
}

/** Fills columns from `bottom` up, those of one height that lie side by side in one go. */
function drawStrip(
  to: Renderer,
  from: number,
  end: number,
  bottom: number,
  color: string,
  height: (column: number) => number,
): void {
  while (from < end) {
    const level = height(from);
    let next = from + 1;
    while (next < end && height(next) === level) next++;
    if (level > 0) to.rect(from, bottom - level, next - from, level, color);
    from = next;
  }
}

/** The points of a shut group, of those that would touch each other the first. */
function drawInnerPoints(to: Renderer, palette: Palette, middle: number): void {
  const { points, width } = density;
  for (let x = 0; x < width; x++) {
    if (points[x] === 0) continue;
    to.diamond(x + 0.5, middle, 3, palette.text, palette.surface);
    x += 5;
  }
}

/** What is said of a bar beside it: how long it took, and how it went where that is not just well. */
export function caption(bars: Bars, row: number, now: number): string {
  const state = stateOf(bars, row);
  const took = duration(bars, row, now);
  if (state === 'waiting') return 'no start';
  if (state === 'unfinished') return Number.isNaN(took) ? 'no end' : `${formatDuration(took)} · unfinished`;
  if (state === 'running') return formatGrowing(took);
  const status = statusOf(bars, row);
  return status === null || status === 'success'
    ? formatDuration(took)
    : `${formatDuration(took)} · ${status}`;
}

/** Puts the caption after the bar, before it, or where neither has room nowhere. */
function drawCaption(
  to: Renderer,
  frame: Frame,
  row: number,
  left: number,
  right: number,
  middle: number,
): void {
  const { bars, palette, width, now } = frame;
  const failed = bars.rowState[row] === State.failed;
  const text = caption(bars, row, now);
  const mark = failed ? 14 : 0;
  const needed = to.measure(text) + mark + TEXT_GAP_PX;
  const color = failed ? palette.failed : palette.muted;
  let x = right + TEXT_GAP_PX;
  if (x + needed > width) {
    if (left - needed - TEXT_GAP_PX < 0) return;
    x = left - needed;
  }
  if (failed) to.cross(x + 4, middle, 3.5, color);
  to.text(text, x + mark, middle, color);
}
