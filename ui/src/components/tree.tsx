import { useLayoutEffect, useRef } from 'preact/hooks';
import { AXIS_PX, ROW_PX, rowsOnScreen } from '../chart/frame';
import { hasChildren, hostOf, isHostGroup, Kind, stateOf, type Bars } from '../model/bars';
import { formatCount } from '../model/format';
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
  const bars = view.bars.value!;
  const rows = view.rows.value;
  const tab = view.tabPosition.value;
  const byStep = bars.group === 'step';
  const [first, end] = rowsOnScreen(view.scrollTop.value, view.height.value, rows.length);
  const positions = Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index);
  if (rows.length > 0 && tab < first) positions.unshift(tab);
  if (tab >= end && tab < rows.length) positions.push(tab);
  return (
    <div
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
          {positions.map((position) => (
            <Row
              key={position}
              view={view}
              bars={bars}
              position={position}
              row={rows[position]}
              tab={position === tab}
            />
          ))}
        </div>
      </div>
    </div>
  );
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
}

function Row({ view, bars, position, row, tab }: RowProps) {
  const element = useRef<HTMLDivElement>(null);
  const parent = hasChildren(bars, row);
  const selected = view.activeRow.value === row;
  useLayoutEffect(() => {
    if (!tab || !view.focusWanted) return;
    view.focusWanted = false;
    element.current!.focus({ preventScroll: true });
  });
  return (
    <div
      ref={element}
      role="row"
      class={`tree-row ${selected ? 'is-selected' : ''} ${view.hover.value?.row === row ? 'is-hovered' : ''}`}
      style={{ transform: `translateY(${position * ROW_PX}px)`, height: `${ROW_PX}px` }}
      tabIndex={tab ? 0 : -1}
      aria-rowindex={position + 2}
      aria-level={bars.depth[row] + 1}
      aria-selected={selected}
      aria-expanded={parent ? !view.isShut(row) : undefined}
      onClick={() => view.openDetails(row)}
      onDblClick={() => view.zoomToRow(row)}
    >
      <span role="gridcell" class="tree-name" style={{ paddingLeft: `${bars.depth[row] * 14}px` }}>
        <Twist view={view} row={row} shown={parent} />
        <StateIcon state={stateOf(bars, row)} point={bars.kind[row] === Kind.point} />
        <span class="hidden-text">{stateOf(bars, row)} </span>
        <RowLabel bars={bars} row={row} />
        {parent && view.isShut(row) && <span class="tree-count">{formatCount(bars.leaves[row])}</span>}
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

/** What opens and shuts a row with the pointer; the keyboard has the arrows, so it takes no place of its own. */
function Twist({ view, row, shown }: { view: TimelineView; row: number; shown: boolean }) {
  if (!shown) return <span class="twist" />;
  return (
    <span
      class={`twist ${view.isShut(row) ? '' : 'is-open'}`}
      aria-hidden="true"
      onClick={(event) => {
        event.stopPropagation();
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
      title={bars.name[row] || label}
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
