import { useEffect, useRef, useState } from 'preact/hooks';
import { get } from '../api/client';
import { withQuery } from '../api/template';
import type { Context, Timeline, TimelinesPage } from '../api/types';
import { formatDuration } from '../model/format';
import { everySecond } from '../state/ticker';
import { timelineSeconds } from './took';

const MOST_RUNS = 20;
const BAR_PX = 6;
const STEP_PX = 8;
const HEIGHT_PX = 22;
/** Below the bars is room for the marks of those that failed. */
const BASE_PX = 17;
const LOWEST_PX = 2;

/** The last runs of a context as bars as high as they took, oldest first. */
export function History({ context, latest }: { context: Context; latest: Timeline }) {
  const place = useRef<HTMLDivElement>(null);
  const older = useOlder(place, context._links.timelines.href, latest.number);
  const runs = [...older.filter((run) => run.number < latest.number), latest].slice(-MOST_RUNS);
  return (
    <div ref={place} class="history">
      {runs.length > 1 && <Bars runs={runs} />}
    </div>
  );
}

function Bars({ runs }: { runs: readonly Timeline[] }) {
  if (runs.some((run) => run.state === 'running')) void everySecond.value;
  const seconds = runs.map((run) => timelineSeconds(run) || 0);
  const longest = Math.max(...seconds);
  const texts = runs.map((run, at) => `#${run.number} ${run.state}, ${formatDuration(seconds[at])}`);
  const label = `Last ${runs.length} runs, oldest first: ${texts.join('; ')}`;
  return (
    <svg role="img" aria-label={label} width={MOST_RUNS * STEP_PX} height={HEIGHT_PX}>
      {runs.map((run, at) => {
        const height = Math.max(LOWEST_PX, longest > 0 ? (seconds[at] / longest) * BASE_PX : 0);
        const box = { x: at * STEP_PX, width: BAR_PX };
        return (
          <g key={run.number} class={`is-${run.state}`}>
            <title>{texts[at]}</title>
            {/* What the pointer finds, also above a low bar. */}
            <rect x={box.x} y="0" width={STEP_PX} height={HEIGHT_PX} class="history-place" />
            <rect {...box} y={BASE_PX - height} height={height} class="history-bar" />
            {run.state === 'failed' && <rect {...box} y={BASE_PX + 2} height="3" class="history-mark" />}
          </g>
        );
      })}
    </svg>
  );
}

/**
 * The last runs, oldest first, once `place` was on the screen; asked for again only when there is a newer
 * one. What could not be read is asked for again with the next news of the context.
 */
function useOlder(place: { current: HTMLElement | null }, href: string, newest: number): readonly Timeline[] {
  const seen = useSeen(place);
  const [runs, setRuns] = useState<readonly Timeline[]>([]);
  const asked = useRef(0);
  const aborter = useRef(new AbortController());
  useEffect(() => () => aborter.current.abort(), []);
  useEffect(() => {
    if (!seen || newest === 1 || asked.current === newest) return;
    asked.current = newest;
    get<TimelinesPage>(withQuery(href, 'limit', String(MOST_RUNS)), { signal: aborter.current.signal }).then(
      (answer) => setRuns(answer!.body._embedded.timelines.reverse()),
      () => (asked.current = 0),
    );
  });
  return runs;
}

/** Whether an element has been on the screen. */
function useSeen(place: { current: HTMLElement | null }): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (seen) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) setSeen(true);
    });
    observer.observe(place.current!);
    return () => observer.disconnect();
  }, [seen]);
  return seen;
}
