import type { Density } from '../model/density';
import { OVERVIEW_PX } from '../model/layout';
import { toPx, type View } from '../model/scale';
import type { Palette } from './palette';
import type { Renderer } from './renderer';

const BASE_PX = 6;

/**
 * Draws how many steps ran at each moment of the whole timeline, what failed below, and what part of it
 * the chart shows.
 * @param whole what the overview's width stands for
 * @param shown what the chart shows
 */
export function drawOverview(
  to: Renderer,
  density: Density,
  width: number,
  whole: View,
  shown: View,
  palette: Palette,
): void {
  const floor = OVERVIEW_PX - BASE_PX;
  for (let x = 0; x < density.width; x++) {
    const active = density.active[x];
    if (active > 0) {
      const height = Math.max(2, Math.round(((floor - 6) * active) / density.peak));
      const runs = density.running[x] > 0;
      to.rect(x, floor - height, 1, height, runs ? palette.running : palette.ended);
      // What runs is light in the light theme: a darker rim sets it off.
      if (runs) to.rect(x, floor - height, 1, 1, palette.runningEdge);
    }
    if (density.failed[x] > 0) to.rect(x, floor + 1, 1, 4, palette.failed);
  }
  to.rect(0, floor, width, 1, palette.divider);
  drawWindow(to, width, whole, shown, palette);
}

function drawWindow(to: Renderer, width: number, whole: View, shown: View, palette: Palette): void {
  const left = Math.max(0, toPx(whole, width, shown.from));
  const right = Math.min(width, toPx(whole, width, shown.to));
  if (left < 1 && right > width - 1) return;
  to.rect(0, 0, left, OVERVIEW_PX, palette.hover);
  to.rect(right, 0, width - right, OVERVIEW_PX, palette.hover);
  to.bar(left, 0.5, Math.max(2, right - left), OVERVIEW_PX - 1, null, { color: palette.accent });
  for (const x of [left, right]) to.bar(x - 2.5, OVERVIEW_PX / 2 - 8, 5, 16, palette.accent);
}
