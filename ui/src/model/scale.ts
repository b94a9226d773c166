/** A stretch of time that is looked at, seconds from the timeline's origin. `from` < `to`. */
export interface View {
  readonly from: number;
  readonly to: number;
}

/** Nothing is told in finer grains than a microsecond; below ten a view says nothing more. */
export const SHORTEST_VIEW_S = 1e-5;

/** How much of the whole is left free on both sides when it is fitted. */
const MARGIN = 0.02;

/** The view that shows everything from `start` to `end` (seconds) with a little air at the sides. */
export function fit(start: number, end: number): View {
  const span = Math.max(end - start, 1e-3);
  return { from: start - span * MARGIN, to: start + span * (1 + 3 * MARGIN) };
}

/** Seconds to pixels from the left edge. */
export function toPx(view: View, width: number, t: number): number {
  return ((t - view.from) / (view.to - view.from)) * width;
}

/** Pixels from the left edge to seconds. */
export function toTime(view: View, width: number, x: number): number {
  return view.from + (x / width) * (view.to - view.from);
}

/**
 * Zooms so that the time `anchor` stays where it is on the screen.
 * @param factor below 1 shows less time, above 1 more
 * @param bounds the widest view there is
 */
export function zoom(view: View, factor: number, anchor: number, bounds: View): View {
  const span = view.to - view.from;
  const wanted = Math.min(Math.max(span * factor, SHORTEST_VIEW_S), bounds.to - bounds.from);
  const share = (anchor - view.from) / span;
  return within({ from: anchor - wanted * share, to: anchor + wanted * (1 - share) }, bounds);
}

/** Moves the view by `delta` seconds, as far as `bounds` let it. */
export function pan(view: View, delta: number, bounds: View): View {
  return within({ from: view.from + delta, to: view.to + delta }, bounds);
}

/** The view moved, and where it is too wide narrowed, to lie in `bounds`. */
export function within(view: View, bounds: View): View {
  const span = view.to - view.from;
  if (span >= bounds.to - bounds.from) return bounds;
  if (view.from < bounds.from) return { from: bounds.from, to: bounds.from + span };
  if (view.to > bounds.to) return { from: bounds.to - span, to: bounds.to };
  return view;
}

/** The view between two times in either order, at least as wide as a view may be. */
export function between(a: number, b: number): View {
  const from = Math.min(a, b);
  return { from, to: Math.max(a, b, from + SHORTEST_VIEW_S) };
}
