import { Component } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { hasChildren, hostOf, isHostGroup, Kind, stateOf, type Bars } from '../model/bars';
import { formatCount } from '../model/format';
import { AXIS_PX, ROW_PX, rowsOnScreen } from '../model/layout';
import { Found } from '../model/visibility';
import { visibleText } from '../model/text';
import type { TimelineView } from '../state/timeline-view';
import { ChevronIcon } from './icons';
import { Name } from './name';
import { StateIcon } from './state';
import { RowTook } from './took';

/**
 * The rows as a table beside the chart: the same rows in the same places, for those who read or type.
 * Only what is on the screen is in the document, and the row that holds the keyboard's place.
 */
export function Tree({ view, label }: { view: TimelineView; label: string }) {
  const grid = useRef<HTMLDivElement>(null);
  const bars = view.bars.value!;
  const rows = view.rows.value;
  const byStep = bars.group === 'step';
  const [first] = rowsOnScreen(view.scrollTop.value, view.height.value, rows.length);
  const holdsFocus = () => grid.current?.contains(document.activeElement) ?? false;
  const heldFocus = holdsFocus();
  useLayoutEffect(() => {
    // The row that had the focus may be gone: then it goes to the one that the Tab key would lead to.
    if (!view.focusWanted && (!heldFocus || holdsFocus())) return;
    view.focusWanted = false;
    grid.current!.querySelector<HTMLElement>('[tabindex="0"]')?.focus({ preventScroll: true });
  });
  return (
    <div
      ref={grid}
      class={`tree ${byStep ? 'with-hosts' : ''}`}
      role="treegrid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-readonly="true"
      onKeyDown={(event) => moveByKey(view, event)}
    >
      <div role="rowgroup" class="tree-head" style={{ height: `${AXIS_PX}px` }}>
        <div role="row" class="tree-row" aria-rowindex={1}>
          <span role="columnheader" class="tree-label">
            {byStep ? 'Step' : 'Host and step'}
            {first > 0 && first < rows.length && <Inside bars={bars} row={rows[first]} />}
          </span>
          {byStep && <span role="columnheader">Host</span>}
          <span role="columnheader" class="is-number">
            Took
          </span>
        </div>
      </div>
      <div class="tree-clip">
        <div role="rowgroup" style={{ transform: `translateY(${-view.scrollTop.value}px)` }}>
          {rowsShown(view).map(({ key, position }) => (
            <Row
              key={key}
              view={view}
              bars={bars}
              position={position}
              row={rows[position]}
              tab={position === view.tabPosition.value}
              selected={rows[position] === view.activeRow.value}
              hovered={rows[position] === view.hoveredRow.value}
              shut={view.isShut(rows[position])}
              around={isAround(view, rows[position])}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

/**
 * The positions that are in the document, each with the element that it uses. A row that scrolls out at one
 * side leaves its element to the one that comes in at the other, which is several times as fast as a new
 * one. The row that has the focus has an element of its own: the focus must not end up on another row.
 */
function rowsShown(view: TimelineView): { key: string; position: number }[] {
  const count = view.rows.value.length;
  const tab = view.tabPosition.value;
  const [first, end] = rowsOnScreen(view.scrollTop.value, view.height.value, count);
  const slots = Math.ceil(view.height.value / ROW_PX) + 1;
  const shown: { key: string; position: number }[] = [];
  for (let position = first; position < end; position++) {
    if (position !== tab) shown.push({ key: `slot${position % slots}`, position });
  }
  if (count > 0) shown.push({ key: `row${tab}`, position: tab });
  return shown.sort((a, b) => a.position - b.position);
}

function isAround(view: TimelineView, row: number): boolean {
  const search = view.search.value;
  return search !== null && (search.found[row] & Found.itself) === 0;
}

/** What holds the topmost row on the screen, for those who scrolled past it. */
function Inside({ bars, row }: { bars: Bars; row: number }) {
  const path: string[] = [];
  for (let above = bars.parent[row]; above >= 0; above = bars.parent[above]) path.unshift(bars.label[above]);
  if (path.length === 0) return null;
  return (
    <span class="tree-inside" aria-hidden="true">
      {' in '}
      <Name text={path.join(' › ')} />
    </span>
  );
}

interface RowProps {
  view: TimelineView;
  bars: Bars;
  position: number;
  row: number;
  /** Whether the Tab key leads to this row. */
  tab: boolean;
  selected: boolean;
  hovered: boolean;
  shut: boolean;
  /** Whether it is listed for a row that was searched for, and is none. */
  around: boolean;
}

class Row extends Component<RowProps> {
  /** Scrolling and pointing change few of the rows: the others are left alone. */
  override shouldComponentUpdate(next: RowProps): boolean {
    return (Object.keys(next) as (keyof RowProps)[]).some((name) => next[name] !== this.props[name]);
  }

  override render({ view, bars, position, row, tab, selected, hovered, shut, around }: RowProps) {
    const parent = hasChildren(bars, row);
    const looks = [selected && 'is-selected', hovered && 'is-hovered', around && 'is-around'];
    return (
      <div
        role="row"
        class={['tree-row', ...looks].filter(Boolean).join(' ')}
        style={{ transform: `translateY(${position * ROW_PX}px)`, height: `${ROW_PX}px` }}
        tabIndex={tab ? 0 : -1}
        aria-rowindex={position + 2}
        aria-level={bars.depth[row] + 1}
        aria-selected={selected}
        aria-expanded={parent ? !shut : undefined}
        onClick={() => view.openDetails(row)}
        onDblClick={() => view.zoomToRow(row)}
      >
        <span role="gridcell" class="tree-name" style={{ paddingLeft: `${bars.depth[row] * 14}px` }}>
          <Twist view={view} row={row} shown={parent} shut={shut} />
          <StateIcon state={stateOf(bars, row)} point={bars.kind[row] === Kind.point} />
          <span class="hidden-text">{stateOf(bars, row)} </span>
          <RowLabel bars={bars} row={row} />
          {parent && shut && <span class="tree-count">{formatCount(bars.leaves[row])}</span>}
        </span>
        {bars.group === 'step' && (
          <span role="gridcell" class="tree-host">
            <Name text={hostText(bars, row)} />
          </span>
        )}
        <span role="gridcell" class="is-number">
          <RowTook bars={bars} row={row} now={() => view.now()} />
        </span>
      </div>
    );
  }
}

interface TwistProps {
  view: TimelineView;
  row: number;
  shown: boolean;
  shut: boolean;
}

/** What opens and shuts a row with the pointer; the keyboard has the arrows, so it takes no place of its own. */
function Twist({ view, row, shown, shut }: TwistProps) {
  if (!shown) return <span class="twist" />;
  return (
    <span
      class={`twist ${shut ? '' : 'is-open'}`}
      aria-hidden="true"
      onClick={(event) => {
        event.stopPropagation();
        view.select(row);
        view.toggle(row);
      }}
    >
      <ChevronIcon />
    </span>
  );
}

function RowLabel({ bars, row }: { bars: Bars; row: number }) {
  const label = bars.label[row];
  if (label === '') return <span class="tree-label is-absent">no host</span>;
  return (
    <span
      class={`tree-label ${bars.kind[row] === Kind.group ? 'is-group' : ''}`}
      title={visibleText(bars.name[row] || label)}
    >
      <Name text={label} />
    </span>
  );
}

function hostText(bars: Bars, row: number): string {
  if (isHostGroup(bars, row)) return hostCount(bars, row);
  const parent = bars.parent[row];
  // Under the row of an event on several hosts, the label is the host.
  return parent >= 0 && bars.name[parent] === bars.name[row] ? '' : hostOf(bars, row);
}

function hostCount(bars: Bars, row: number): string {
  let hosts = 0;
  for (let child = row + 1; child < bars.subtreeEnd[row]; child = bars.subtreeEnd[child]) {
    if (bars.name[child] === bars.name[row]) hosts++;
  }
  return `${formatCount(hosts)} hosts`;
}

/** The keys of a treegrid whose rows take the focus. */
function moveByKey(view: TimelineView, event: KeyboardEvent): void {
  if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
  const bars = view.bars.value!;
  const rows = view.rows.value;
  const position = view.tabPosition.value;
  const row = rows[position];
  const page = Math.max(1, Math.floor((view.height.value - AXIS_PX) / ROW_PX) - 1);
  const opens = hasChildren(bars, row);
  const moves: Record<string, () => void> = {
    ArrowDown: () => view.selectAt(view.activeRow.value < 0 ? 0 : position + 1),
    ArrowUp: () => view.selectAt(position - 1),
    PageDown: () => view.selectAt(position + page),
    PageUp: () => view.selectAt(position - page),
    Home: () => view.selectAt(0),
    End: () => view.selectAt(rows.length - 1),
    ArrowRight: () => (opens && view.isShut(row) ? view.toggle(row) : opens && view.selectAt(position + 1)),
    ArrowLeft: () => (opens && !view.isShut(row) ? view.toggle(row) : view.select(bars.parent[row])),
    Enter: () => view.openDetails(row),
  };
  const move = moves[event.key];
  if (move === undefined || rows.length === 0) return;
  event.preventDefault();
  view.focusWanted = true;
  move();
}
