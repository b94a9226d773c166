import { effect, untracked } from '@preact/signals';
import { keyOf, findRow, type Bars, type RowKey } from '../model/bars';
import { Density } from '../model/density';
import { OVERVIEW_PX, ROW_PX } from '../model/layout';
import { colorsChanged, theme } from '../state/preferences';
import type { TimelineView } from '../state/timeline-view';
import { drawAxis, drawNow } from './draw-axis';
import { drawOverlay, type Pointer } from './draw-overlay';
import { drawOverview } from './draw-overview';
import { drawRows } from './draw-rows';
import type { Frame } from './frame';
import { readPalette, type Palette } from './palette';
import { CanvasRenderer } from './renderer';

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
/** A running bar is drawn anew when its end has moved this far, at least once a second. */
const VISIBLE_STEP_PX = 0.5;

/** For those who asked for less motion running bars grow once a second. */
const calm = matchMedia('(prefers-reduced-motion: reduce)');

export interface ChartElements {
  /** What scrolls the rows; the canvases stay in place inside it. */
  readonly scroller: HTMLElement;
  /** What the canvases fill. */
  readonly plot: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  /** Drawn over the first, so that a moving pointer does not draw the bars anew. */
  readonly overlay: HTMLCanvasElement;
  readonly overview: HTMLCanvasElement;
}

/**
 * Draws what a view shows whenever that changes, at most once a frame. Nothing is drawn while nothing
 * changes; while steps run it is drawn as often as their ends visibly move, and not on a hidden page.
 */
export class Chart {
  /** Where the pointer is and what it drags; the gestures set it. */
  pointer: Pointer = { x: null, selectFrom: null };

  private readonly bars: CanvasRenderer;
  private readonly overlay: CanvasRenderer;
  private readonly overview: CanvasRenderer;
  private density = new Density(1);
  /** What `density` was counted for; the span in seconds. */
  private counted: { bars: Bars; span: number } | null = null;
  private palette: Palette;
  private width = 0;
  private overviewWidth = 0;
  private scheduled = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private anchor: { rows: Int32Array; bars: Bars; key: RowKey; offset: number } | null = null;
  private scrolledTo: { top: number } | null = null;
  private readonly undo: (() => void)[] = [];

  constructor(
    private readonly elements: ChartElements,
    private readonly view: TimelineView,
  ) {
    this.bars = new CanvasRenderer(elements.canvas, FONT);
    this.overlay = new CanvasRenderer(elements.overlay, FONT);
    this.overview = new CanvasRenderer(elements.overview, FONT);
    this.palette = readPalette(elements.plot);
    this.watchSizes();
    this.watchScroll();
    this.undo.push(
      effect(() => {
        void [theme.value, colorsChanged.value];
        this.palette = readPalette(elements.plot);
        this.invalidate();
      }),
      effect(() => {
        const { rows, range, timeMode, hover, activeRow, bars, scrollWanted } = this.view;
        const all = [rows, range, timeMode, hover, activeRow, bars, scrollWanted];
        for (const each of all) void each.value;
        this.invalidate();
      }),
    );
    const shown = () => document.visibilityState === 'visible' && this.invalidate();
    document.addEventListener('visibilitychange', shown);
    this.undo.push(() => document.removeEventListener('visibilitychange', shown));
  }

  /** Stops drawing for good. */
  close(): void {
    cancelAnimationFrame(this.scheduled);
    clearTimeout(this.timer);
    for (const each of this.undo) each();
  }

  /** Has a frame drawn soon. */
  invalidate(): void {
    clearTimeout(this.timer);
    if (this.scheduled === 0) this.scheduled = requestAnimationFrame(() => this.draw());
  }

  /** Width of the chart, CSS pixels; at least 1. */
  get plotWidth(): number {
    return Math.max(1, this.width);
  }

  private watchSizes(): void {
    const observer = new ResizeObserver(() => {
      this.width = this.elements.plot.clientWidth;
      this.overviewWidth = this.elements.overview.clientWidth;
      this.view.height.value = this.elements.scroller.clientHeight - OVERVIEW_PX;
      this.invalidate();
    });
    observer.observe(this.elements.plot);
    observer.observe(this.elements.scroller);
    observer.observe(this.elements.overview);
    this.undo.push(() => observer.disconnect());
  }

  private watchScroll(): void {
    const { scroller } = this.elements;
    const scrolled = () => {
      this.view.scrollTop.value = scroller.scrollTop;
      this.invalidate();
    };
    scroller.addEventListener('scroll', scrolled, { passive: true });
    this.undo.push(() => scroller.removeEventListener('scroll', scrolled));
  }

  private draw(): void {
    this.scheduled = 0;
    const bars = this.view.bars.peek();
    if (bars === null || this.width === 0) return;
    untracked(() => {
      this.keepPlace(bars);
      const frame = this.frame(bars);
      this.bars.begin(frame.width, frame.height);
      drawAxis(this.bars, frame);
      drawRows(this.bars, frame);
      if (bars.runningCount > 0) drawNow(this.bars, frame);
      this.overlay.begin(frame.width, frame.height);
      drawOverlay(this.overlay, frame, this.pointer, this.highlights());
      this.drawOverview(frame);
      this.scheduleNext(frame);
    });
  }

  private frame(bars: Bars): Frame {
    return {
      bars,
      rows: this.view.rows.value,
      isShut: (row) => this.view.isShut(row),
      width: this.width,
      height: this.view.height.value,
      scrollTop: this.elements.scroller.scrollTop,
      view: this.view.current(),
      now: this.view.now(),
      timeMode: this.view.timeMode.value,
      palette: this.palette,
    };
  }

  private highlights(): { hovered: number; selected: number } {
    return { hovered: this.view.hoveredRow.value, selected: this.view.activeRow.value };
  }

  /** The overview counts all rows, so it is counted anew only when its picture would differ. */
  private drawOverview(frame: Frame): void {
    const width = this.overviewWidth;
    if (width === 0) return;
    const whole = this.view.whole();
    const span = whole.to - whole.from;
    const columns = Math.ceil(width);
    if (this.density.width !== columns) {
      this.density = new Density(columns);
      this.counted = null;
    }
    const last = this.counted;
    if (last?.bars !== frame.bars || Math.abs(span / last.span - 1) * width >= 1) {
      this.density.fill(frame.bars, 0, frame.bars.count, whole, frame.now);
      this.counted = { bars: frame.bars, span };
    }
    this.overview.begin(width, OVERVIEW_PX);
    drawOverview(this.overview, this.density, width, whole, frame.view, this.palette);
  }

  private scheduleNext(frame: Frame): void {
    if (frame.bars.runningCount === 0 || document.visibilityState === 'hidden') return;
    const pxPerMs = frame.width / (frame.view.to - frame.view.from) / 1000;
    const waitMs = calm.matches ? 1000 : Math.min(1000, VISIBLE_STEP_PX / pxPerMs);
    if (waitMs < 20) this.invalidate();
    else this.timer = setTimeout(() => this.invalidate(), waitMs);
  }

  /**
   * Scrolls to where the view wants to be; otherwise keeps the row at the top of the screen where it is
   * when rows come, go or fold above it. One that is folded away is stood for by what holds it. Done right
   * before drawing, when the page has become as high as the rows of now.
   */
  private keepPlace(bars: Bars): void {
    const { scroller } = this.elements;
    const rows = this.view.rows.value;
    const last = this.anchor;
    const wanted = this.view.scrollWanted.value;
    if (wanted !== null && wanted !== this.scrolledTo) {
      this.scrolledTo = wanted;
      scroller.scrollTop = wanted.top;
    } else if (last !== null && last.rows !== rows && last.bars.group === bars.group) {
      const row = findRow(bars, last.key);
      if (row >= 0) {
        const top = this.view.nearestPosition(row) * ROW_PX + last.offset;
        if (Math.abs(top - scroller.scrollTop) >= 1) scroller.scrollTop = top;
      }
    }
    const top = Math.floor(scroller.scrollTop / ROW_PX);
    // At the very top new first rows should be seen and not pushed out.
    const held = scroller.scrollTop > 0 && top < rows.length;
    const offset = scroller.scrollTop - top * ROW_PX;
    this.anchor = held ? { rows, bars, key: keyOf(bars, rows[top]), offset } : null;
    this.view.scrollTop.value = scroller.scrollTop;
  }
}
