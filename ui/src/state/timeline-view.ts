import { computed, signal, type ReadonlySignal } from '@preact/signals';
import type { Group } from '../api/types';
import { barEnd, barStart, findRow, hasChildren, keyOf, State, type Bars, type RowKey } from '../model/bars';
import { serverClock } from '../api/clock';
import { mostAtOnce } from '../model/density';
import type { TimeMode } from '../model/format';
import { AXIS_PX, ROW_PX } from '../model/layout';
import { between, fit, pan, zoom, within, type View } from '../model/scale';
import {
  findRows,
  firstAtLeast,
  foldedRows,
  isShut,
  levels,
  OPEN,
  positionOf,
  toggle,
  visibleRows,
  type Fold,
} from '../model/visibility';

const NO_ROWS = new Int32Array(0);
/** A row that is further off the screen is jumped to. */
const NEAR_PX = 3 * ROW_PX;

/** Where the pointer is over a row of the chart, CSS pixels from the chart's top left corner. */
export interface Hover {
  readonly row: number;
  readonly x: number;
  readonly y: number;
}

/**
 * How one timeline is looked at: what is unfolded, searched for, zoomed to and selected. It outlives each
 * answer of the server: rows are remembered by name and host and never by number.
 */
export class TimelineView {
  readonly group = signal<Group>('step');
  readonly timeMode = signal<TimeMode>('relative');
  /** What is zoomed to; null shows all, and goes on doing so while the timeline grows. */
  readonly range = signal<View | null>(null);
  readonly fold = signal<Fold>(OPEN);
  readonly query = signal('');
  readonly detailsOpen = signal(false);
  readonly hover = signal<Hover | null>(null);
  /** Of the list of rows, CSS pixels. */
  readonly scrollTop = signal(0);
  /** Height of the chart, its axis included, CSS pixels. */
  readonly height = signal(0);
  /** Where the list should be scrolled to; the chart does it. */
  readonly scrollWanted = signal<{ top: number } | null>(null);
  /** Whether the keyboard's focus should go to the active row once it is drawn. */
  focusWanted = false;

  private readonly activeKey = signal<RowKey | null>(null);

  readonly folded = computed(() => {
    const bars = this.bars.value;
    return bars === null ? new Uint8Array(0) : foldedRows(bars, this.fold.value);
  });
  readonly search = computed(() => {
    const bars = this.bars.value;
    return bars === null ? null : findRows(bars, this.query.value);
  });
  /** The rows that are listed. */
  readonly rows = computed(() => {
    const bars = this.bars.value;
    return bars === null ? NO_ROWS : visibleRows(bars, this.folded.value, this.search.value?.found ?? null);
  });
  /** The most steps that ran at the same moment. */
  readonly mostAtOnce = computed(() =>
    this.bars.value === null ? 0 : mostAtOnce(this.bars.value, this.now()),
  );
  readonly levels = computed(() => (this.bars.value === null ? 0 : levels(this.bars.value)));
  /** The row that is selected, or -1. */
  readonly activeRow = computed(() => {
    const [bars, key] = [this.bars.value, this.activeKey.value];
    return bars === null || key === null ? -1 : findRow(bars, key);
  });
  /** The row under the pointer, or -1. */
  readonly hoveredRow = computed(() => this.hover.value?.row ?? -1);
  /** Position in the list of the row that the keyboard reaches first: the selected one, or the top one. */
  readonly tabPosition = computed(() => Math.max(0, positionOf(this.rows.value, this.activeRow.value)));

  constructor(readonly bars: ReadonlySignal<Bars | null>) {}

  /** The server's now in seconds from the timeline's origin. */
  now(): number {
    const bars = this.bars.peek();
    return bars === null ? 0 : (serverClock.now() - bars.originMs) / 1000;
  }

  /** The view that shows all. */
  whole(): View {
    const bars = this.bars.peek();
    if (bars === null) return fit(0, 1);
    return fit(0, bars.runningCount > 0 ? Math.max(bars.extent, this.now()) : bars.extent);
  }

  /** What the chart shows now. */
  current(): View {
    const whole = this.whole();
    return this.range.value === null ? whole : within(this.range.value, whole);
  }

  isShut(row: number): boolean {
    return isShut(this.folded.value, this.search.value?.found ?? null, row);
  }

  /** Zooms about a time; without one about the middle. A factor below 1 shows less. */
  zoomBy(factor: number, anchor?: number): void {
    const [view, whole] = [this.current(), this.whole()];
    const next = zoom(view, factor, anchor ?? (view.from + view.to) / 2, whole);
    this.range.value = next === whole ? null : next;
  }

  /** Moves by a share of what is shown. */
  panBy(share: number): void {
    const view = this.current();
    this.showFrom(view, share * (view.to - view.from));
  }

  /** Moves `from` a view by seconds. */
  showFrom(view: View, delta: number): void {
    if (this.range.peek() !== null) this.range.value = pan(view, delta, this.whole());
  }

  /** Zooms to the time between two moments, in either order. */
  zoomTo(a: number, b: number): void {
    this.range.value = within(between(a, b), this.whole());
  }

  zoomToAll(): void {
    this.range.value = null;
  }

  /** Zooms to a row's bar with air on both sides. */
  zoomToRow(row: number): void {
    const bars = this.bars.peek();
    if (bars === null || row < 0) return;
    const [start, end] = [barStart(bars, row), barEnd(bars, row, this.now())];
    if (Number.isNaN(start)) return;
    const air = Math.max((end - start) * 0.15, 0.001);
    this.zoomTo(start - air, end + air);
  }

  /** Selects a row and brings it onto the screen. */
  select(row: number): void {
    const bars = this.bars.peek();
    if (bars === null || row < 0) return;
    this.activeKey.value = keyOf(bars, row);
    const position = positionOf(this.rows.value, row);
    if (position < 0) return;
    const [top, page] = [position * ROW_PX, this.height.peek() - AXIS_PX];
    const above = this.scrollTop.peek() - top;
    const below = top + ROW_PX - (this.scrollTop.peek() + page);
    if (above <= 0 && below <= 0) return;
    // A step or two scrolls no further than it must; a jump lands in the middle, with what is around it.
    if (Math.max(above, below) > NEAR_PX) this.scrollWanted.value = { top: top - (page - ROW_PX) / 2 };
    else this.scrollWanted.value = { top: above > 0 ? top : top + ROW_PX - page };
  }

  /** Selects the row at a position of the list, as near to it as there is one. */
  selectAt(position: number): void {
    const rows = this.rows.value;
    if (rows.length === 0) return;
    this.select(rows[Math.min(Math.max(0, position), rows.length - 1)]);
  }

  /** Selects a row and shows what is known of it. */
  openDetails(row: number): void {
    this.select(row);
    this.detailsOpen.value = true;
  }

  /** Selects the next row for which `wanted` holds, going round; forwards or backwards. */
  selectNext(wanted: (bars: Bars, row: number) => boolean, direction: 1 | -1): void {
    const bars = this.bars.peek();
    if (bars === null || bars.count === 0) return;
    let row = this.activeRow.value;
    if (row < 0 && direction < 0) row = 0;
    for (let step = 0; step < bars.count; step++) {
      row = (row + direction + bars.count) % bars.count;
      if (!wanted(bars, row)) continue;
      this.reveal(row);
      this.select(row);
      return;
    }
  }

  /** Selects the next failed step that is not merely a group of failed ones. */
  selectNextFailed(direction: 1 | -1): void {
    this.selectNext((bars, row) => bars.rowState[row] === State.failed && !hasChildren(bars, row), direction);
  }

  /** Turns one row round: open or shut. */
  toggle(row: number): void {
    const bars = this.bars.peek();
    if (bars !== null && hasChildren(bars, row)) this.fold.value = toggle(this.fold.value, bars, [row]);
  }

  /** Shuts what is at `level` or deeper, opens all above. Infinity opens all. */
  foldTo(level: number): void {
    this.fold.value = { level, toggled: new Set() };
  }

  /** Shuts or opens one level more than is shut now. */
  foldBy(change: 1 | -1): void {
    const level = Math.min(this.fold.value.level, this.levels.value) + change;
    this.foldTo(level >= this.levels.value ? Infinity : Math.max(0, level));
  }

  /** The listed position of a row, or of what holds it where it is folded away. */
  nearestPosition(row: number): number {
    const [bars, rows] = [this.bars.peek(), this.rows.value];
    for (let each = row; bars !== null && each >= 0; each = bars.parent[each]) {
      const position = positionOf(rows, each);
      if (position >= 0) return position;
    }
    return Math.min(firstAtLeast(rows, Math.max(0, row)), Math.max(0, rows.length - 1));
  }

  private reveal(row: number): void {
    const bars = this.bars.peek()!;
    const shut: number[] = [];
    for (let above = bars.parent[row]; above >= 0; above = bars.parent[above]) {
      if (this.folded.value[above] === 1) shut.push(above);
    }
    if (shut.length > 0) this.fold.value = toggle(this.fold.value, bars, shut);
  }
}
