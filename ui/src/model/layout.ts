/** Where rows are. The table and the canvas both place them by this, so that they stay in step. CSS pixels. */

/** Height of a row in the table and on the canvas. */
export const ROW_PX = 22;
/** Height of the axis on the canvas and of the table's head beside it. */
export const AXIS_PX = 30;
/** Height of the overview above both. */
export const OVERVIEW_PX = 44;

/**
 * Positions in the list of the first row on the screen and of the one after the last.
 * @param height of the chart, the axis included
 */
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
