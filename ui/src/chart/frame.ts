import type { Bars } from '../model/bars';
import type { View } from '../model/scale';
import type { Palette } from './palette';

/** Height of a row in the table and on the canvas. */
export const ROW_PX = 22;
/** Height of the axis on the canvas and of the table's head beside it. */
export const AXIS_PX = 30;

export type TimeMode = 'relative' | 'absolute';

/** All that one frame shows. Lengths in CSS pixels, times in seconds from the origin. */
export interface Frame {
  readonly bars: Bars;
  /** The rows that are listed, of which those on the screen are drawn. */
  readonly rows: Int32Array;
  /** Whether a listed row hides its children. */
  readonly isShut: (row: number) => boolean;
  readonly width: number;
  readonly height: number;
  readonly scrollTop: number;
  readonly view: View;
  readonly now: number;
  readonly timeMode: TimeMode;
  readonly palette: Palette;
}

/** Positions in the list of the first row on the screen and of the one after the last. */
export function rowsOnScreen(scrollTop: number, height: number, count: number): [first: number, end: number] {
  const first = Math.max(0, Math.floor(scrollTop / ROW_PX));
  return [first, Math.min(count, Math.ceil((scrollTop + height - AXIS_PX) / ROW_PX))];
}

/** Top of the row at `position` on the canvas. */
export function rowTop(position: number, scrollTop: number): number {
  return AXIS_PX + position * ROW_PX - scrollTop;
}

/** Position in the list of what is at height `y` of the canvas, or -1. */
export function positionAt(y: number, scrollTop: number, count: number): number {
  if (y < AXIS_PX) return -1;
  const position = Math.floor((y - AXIS_PX + scrollTop) / ROW_PX);
  return position < count ? position : -1;
}
