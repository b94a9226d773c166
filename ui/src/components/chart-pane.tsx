import { useEffect, useRef } from 'preact/hooks';
import { Chart } from '../chart/chart';
import { chartGestures, overviewGestures } from '../chart/gestures';
import { plural } from '../model/format';
import { AXIS_PX, ROW_PX } from '../model/layout';
import { tableWidth } from '../state/preferences';
import type { TimelineView } from '../state/timeline-view';
import { Splitter } from './splitter';
import { Tooltip } from './tooltip';
import { Tree } from './tree';

/**
 * Table and chart side by side. The element that scrolls holds a stage that stays in place and a spacer as
 * high as all rows: scrolling is the browser's own, and both halves draw the same rows at the same place.
 */
export function ChartPane({ view, label }: { view: TimelineView; label: string }) {
  const scroller = useRef<HTMLDivElement>(null);
  const plot = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const overview = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const elements = {
      scroller: scroller.current!,
      plot: plot.current!,
      canvas: canvas.current!,
      overlay: overlay.current!,
      overview: overview.current!,
    };
    const chart = new Chart(elements, view);
    const stops = [
      chartGestures(elements.plot, elements.scroller, chart, view),
      overviewGestures(elements.overview, view),
    ];
    return () => {
      chart.close();
      for (const stop of stops) stop();
    };
  }, [view]);
  const hidden = AXIS_PX + view.rows.value.length * ROW_PX + ROW_PX / 2 - view.height.value;
  return (
    <div class="chart-scroll" ref={scroller}>
      <div class="stage" style={{ '--table-width': `${tableWidth.value}px` }}>
        <OverviewLabel view={view} />
        <canvas class="overview" ref={overview} aria-hidden="true" />
        <Tree view={view} label={label} />
        <div class="plot" ref={plot}>
          <canvas
            ref={canvas}
            role="img"
            aria-label={`Chart: ${label}. The table beside it has the same rows.`}
          />
          <canvas ref={overlay} aria-hidden="true" />
          <Tooltip view={view} width={() => plot.current!.clientWidth} />
        </div>
        <Splitter />
      </div>
      <div style={{ height: `${Math.max(0, hidden)}px` }} />
    </div>
  );
}

function OverviewLabel({ view }: { view: TimelineView }) {
  const zoomed = view.range.value !== null;
  return (
    <div class="overview-label">
      <span>Up to {plural(view.mostAtOnce.value, 'step')} at once</span>
      {zoomed && (
        <button class="link" onClick={() => view.zoomToAll()}>
          Show all
        </button>
      )}
    </div>
  );
}
