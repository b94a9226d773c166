import { formatOffset, formatTimeOfDay } from '../model/format';
import { AXIS_PX, ROW_PX, rowTop } from '../model/layout';
import { positionOf } from '../model/visibility';
import type { Frame } from './frame';
import type { Renderer } from './renderer';

/** The pointer over the chart, CSS pixels from its left edge. */
export interface Pointer {
  /** Null: it is elsewhere. */
  readonly x: number | null;
  /** Where a stretch of time is being marked from, or null. */
  readonly selectFrom: number | null;
}

/** Draws what follows the pointer and the selection: rows lit up, the line under the pointer and its time. */
export function drawOverlay(
  to: Renderer,
  frame: Frame,
  pointer: Pointer,
  lit: { hovered: number; selected: number },
): void {
  const { width, height, palette } = frame;
  to.clip(0, AXIS_PX, width, height - AXIS_PX, () => {
    lightRow(to, frame, lit.selected, palette.selected);
    if (lit.hovered !== lit.selected) lightRow(to, frame, lit.hovered, palette.hover);
  });
  if (pointer.x === null) return;
  if (pointer.selectFrom !== null) {
    const [left, right] = [Math.min(pointer.x, pointer.selectFrom), Math.max(pointer.x, pointer.selectFrom)];
    to.rect(left, 0, right - left, height, palette.selected);
    to.line(pointer.selectFrom, 0, pointer.selectFrom, height, palette.accent);
  }
  to.line(pointer.x, AXIS_PX, pointer.x, height, palette.accent, [2, 2]);
  drawTime(to, frame, pointer.x);
}

function lightRow(to: Renderer, frame: Frame, row: number, color: string): void {
  const position = positionOf(frame.rows, row);
  if (position >= 0) to.rect(0, rowTop(position, frame.scrollTop), frame.width, ROW_PX, color);
}

function drawTime(to: Renderer, frame: Frame, x: number): void {
  const { view, width, bars, palette } = frame;
  const perPx = (view.to - view.from) / width;
  const t = view.from + x * perPx;
  // The finest decimal step that a pixel tells apart.
  const step = Math.min(1, 10 ** Math.ceil(Math.log10(perPx)));
  const text =
    frame.timeMode === 'absolute' ? formatTimeOfDay(bars.originMs + t * 1000, step) : formatOffset(t, step);
  const w = to.measure(text) + 12;
  const left = Math.min(Math.max(0, x - w / 2), width - w);
  to.bar(left, 5, w, AXIS_PX - 11, palette.accent);
  to.text(text, left + w / 2, AXIS_PX / 2, palette.surface, 'center');
}
