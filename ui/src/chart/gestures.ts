import { AXIS_PX, positionAt } from '../model/layout';
import { between, toTime, within, type View } from '../model/scale';
import type { TimelineView } from '../state/timeline-view';
import type { Chart } from './chart';

/** Zoom for one pixel of the wheel. */
const ZOOM_PER_PX = 0.0022;
/** A pointer that moved less was a click. */
const CLICK_PX = 4;
/** How near to an edge of the overview's window counts as on it. */
const EDGE_PX = 7;

/** Adds listeners and returns what removes them. */
function listen(target: EventTarget, handlers: Record<string, (event: never) => void>): () => void {
  const entries = Object.entries(handlers) as [string, EventListener][];
  for (const [type, handler] of entries) target.addEventListener(type, handler, { passive: false });
  return () => {
    for (const [type, handler] of entries) target.removeEventListener(type, handler);
  };
}

function wheelPx(event: WheelEvent, delta: number): number {
  return event.deltaMode === WheelEvent.DOM_DELTA_LINE ? delta * 16 : delta;
}

/**
 * The chart under the pointer: Ctrl or ⌘ and the wheel zoom, Shift and the wheel or a sideways wheel pan,
 * the plain wheel scrolls as everywhere. Dragging pans; on the axis or with Shift it marks what to zoom to.
 * A click shows details, a double click zooms to the bar. Returns what ends it.
 */
export function chartGestures(
  plot: HTMLElement,
  scroller: HTMLElement,
  chart: Chart,
  view: TimelineView,
): () => void {
  let drag: { x: number; y: number; scrollTop: number; from: View; marks: boolean; moved: boolean } | null =
    null;

  /**
   * Whether the first of the clicks that may become a double click was on a row. The details that it opens
   * may come to stand under the second, which then is not on the chart any more.
   */
  let clicked = false;

  const at = (event: MouseEvent) => {
    const box = plot.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const timeAt = (x: number) => toTime(view.current(), chart.plotWidth, x);
  const rowAt = (y: number) => {
    const position = positionAt(y, scroller.scrollTop, view.rows.value.length);
    return position < 0 ? -1 : view.rows.value[position];
  };
  const point = (x: number | null, y: number) => {
    chart.pointer = { x, selectFrom: drag?.marks === true ? drag.x : null };
    const row = x === null || drag?.moved === true ? -1 : rowAt(y);
    view.hover.value = row < 0 ? null : { row, x: x!, y };
    chart.invalidate();
  };
  const moveDrag = (x: number, y: number) => {
    if (drag === null) return;
    drag.moved ||= Math.hypot(x - drag.x, y - drag.y) > CLICK_PX;
    if (!drag.moved || drag.marks) return;
    const perPx = (drag.from.to - drag.from.from) / chart.plotWidth;
    view.showFrom(drag.from, (drag.x - x) * perPx);
    scroller.scrollTop = drag.scrollTop + drag.y - y;
  };

  const stops = [
    listen(document, {
      mousedown(event: MouseEvent) {
        if (event.detail === 1) clicked = false;
      },
      dblclick() {
        if (clicked) view.zoomToRow(view.activeRow.value);
      },
    }),
    listen(scroller, {
      // Rows that scroll under a pointer at rest are pointed at in turn.
      scroll() {
        const hover = view.hover.peek();
        if (hover !== null) point(hover.x, hover.y);
      },
    }),
    listen(plot, {
      wheel(event: WheelEvent) {
        const dx = wheelPx(event, event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX);
        if (event.ctrlKey || event.metaKey) {
          event.preventDefault();
          view.zoomBy(Math.exp(wheelPx(event, event.deltaY) * ZOOM_PER_PX), timeAt(at(event).x));
        } else if (event.shiftKey || Math.abs(dx) > Math.abs(event.deltaY)) {
          event.preventDefault();
          view.panBy(dx / chart.plotWidth);
        }
      },
      pointerdown(event: PointerEvent) {
        if (event.button !== 0) return;
        const { x, y } = at(event);
        const marks = event.shiftKey || y < AXIS_PX;
        drag = { x, y, scrollTop: scroller.scrollTop, from: view.current(), marks, moved: false };
        plot.setPointerCapture(event.pointerId);
      },
      pointermove(event: PointerEvent) {
        const { x, y } = at(event);
        moveDrag(x, y);
        point(x, y);
      },
      pointerup(event: PointerEvent) {
        const { x, y } = at(event);
        const done = drag;
        drag = null;
        if (done?.moved === true && done.marks) view.zoomTo(timeAt(done.x), timeAt(x));
        else if (done?.moved === false && rowAt(y) >= 0) {
          // The keys go on from the row that was clicked.
          view.focusWanted = true;
          view.openDetails(rowAt(y));
          clicked = true;
        }
        point(x, y);
      },
      pointercancel() {
        drag = null;
        point(null, 0);
      },
      pointerleave() {
        if (drag === null) point(null, 0);
      },
      dblclick(event: MouseEvent) {
        if (at(event).y < AXIS_PX) view.zoomToAll();
      },
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/**
 * The overview under the pointer: dragging its window or an edge of it moves that, dragging elsewhere marks
 * a new one, a click brings the window there and a double click shows all. Returns what ends it.
 */
export function overviewGestures(canvas: HTMLElement, view: TimelineView): () => void {
  type Part = 'from' | 'to' | 'window' | 'new';
  let drag: { t: number; part: Part; from: View; moved: boolean } | null = null;

  const timeAt = (event: MouseEvent) => {
    const box = canvas.getBoundingClientRect();
    return toTime(view.whole(), box.width, event.clientX - box.left);
  };
  const partAt = (t: number): Part => {
    const [whole, shown] = [view.whole(), view.current()];
    if (view.range.value === null) return 'new';
    const near = (EDGE_PX / canvas.clientWidth) * (whole.to - whole.from);
    if (Math.abs(t - shown.from) < near) return 'from';
    if (Math.abs(t - shown.to) < near) return 'to';
    return t > shown.from && t < shown.to ? 'window' : 'new';
  };
  const cursors: Record<Part, string> = {
    from: 'ew-resize',
    to: 'ew-resize',
    window: 'grab',
    new: 'crosshair',
  };

  return listen(canvas, {
    pointerdown(event: PointerEvent) {
      if (event.button !== 0) return;
      const t = timeAt(event);
      drag = { t, part: partAt(t), from: view.current(), moved: false };
      canvas.setPointerCapture(event.pointerId);
    },
    pointermove(event: PointerEvent) {
      const t = timeAt(event);
      if (drag === null) {
        canvas.style.cursor = cursors[partAt(t)];
        return;
      }
      const { part, from, t: began } = drag;
      drag.moved ||=
        Math.abs(t - began) * canvas.clientWidth > CLICK_PX * (view.whole().to - view.whole().from);
      if (!drag.moved) return;
      if (part === 'window') view.showFrom(from, t - began);
      else if (part === 'from') view.zoomTo(t, from.to);
      else if (part === 'to') view.zoomTo(from.from, t);
      else view.zoomTo(began, t);
    },
    pointerup(event: PointerEvent) {
      const done = drag;
      drag = null;
      if (done === null || done.moved || done.part !== 'new' || view.range.value === null) return;
      const half = (done.from.to - done.from.from) / 2;
      const middle = timeAt(event);
      view.range.value = within(between(middle - half, middle + half), view.whole());
    },
    pointercancel() {
      drag = null;
    },
    dblclick() {
      view.zoomToAll();
    },
    wheel(event: WheelEvent) {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      view.zoomBy(Math.exp(wheelPx(event, event.deltaY) * ZOOM_PER_PX), timeAt(event));
    },
  });
}
