import { caption } from '../chart/draw-rows';
import { hostOf, Kind, stateOf } from '../model/bars';
import { formatInstant, formatOffset } from '../model/format';
import type { TimelineView } from '../state/timeline-view';
import { Name } from './name';
import { StateTag } from './state';

const AWAY_PX = 16;

/** What the row under the pointer is. The table says the same to those who have no pointer. */
export function Tooltip({ view, width }: { view: TimelineView; width: () => number }) {
  const [bars, hover] = [view.bars.value, view.hover.value];
  if (bars === null || hover === null || hover.row >= bars.count) return null;
  const { row, x, y } = hover;
  const relative = view.timeMode.value === 'relative';
  const time = (t: number) => (relative ? formatOffset(t, 0.001) : formatInstant(bars.originMs + t * 1000));
  const host = hostOf(bars, row);
  const start = bars.start[row];
  const end = bars.end[row];
  const rightHalf = x > width() / 2;
  const below = y < view.height.value / 2;
  const style = {
    transform: `translate(${x + (rightHalf ? -AWAY_PX : AWAY_PX)}px, ${y + (below ? AWAY_PX : -AWAY_PX)}px) translate(${rightHalf ? '-100%' : '0'}, ${below ? '0' : '-100%'})`,
  };
  return (
    <div class="tooltip" style={style} aria-hidden="true">
      <Name text={bars.name[row] || bars.label[row] || 'no host'} class="tooltip-name" />
      <div class="tooltip-line">
        {bars.kind[row] === Kind.point ? <span>point</span> : <StateTag state={stateOf(bars, row)} />}
        {bars.kind[row] !== Kind.point && <span>{caption(bars, row, view.now())}</span>}
        {host !== '' && bars.name[row] !== '' && <Name text={host} />}
      </div>
      <div class="tooltip-line is-quiet">
        {Number.isNaN(start) ? 'start not known' : time(start)}
        {bars.kind[row] !== Kind.point && !Number.isNaN(end) && ` → ${time(end)}`}
      </div>
    </div>
  );
}
