import { effect } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import type { Timeline } from '../api/types';
import { ChartPane } from '../components/chart-pane';
import { Details } from '../components/details';
import { Name } from '../components/name';
import { Blank, Command, NothingYet, Notice, OldNotice } from '../components/notice';
import { TimelineHead } from '../components/timeline-head';
import { Toolbar } from '../components/toolbar';
import { shellWord, visibleText } from '../model/text';
import { pathOf } from '../router';
import { keepAddress, readAddress } from '../state/address';
import { runCommand } from '../state/commands';
import { TimelineData } from '../state/timeline-data';
import { TimelineView } from '../state/timeline-view';

const TITLE_SIGNS = { waiting: '○', running: '▶', ended: '✓', failed: '✗', unfinished: '◌' };

interface Address {
  context: string;
  run: number | 'latest';
}

/** One run as a live chart. */
export function TimelinePage({ context, run }: Address) {
  const [{ data, view }] = useState(() => assemble({ context, run }));
  useEffect(() => start(data, view, run), [data]);
  const [timeline, problem] = [data.timeline.value, data.problem.value];
  useTitle(timeline);
  if (timeline === null || view.bars.value === null) return <NothingYet error={problem} />;
  const newest = data.newest.value ?? timeline.number;
  return (
    <>
      {problem !== null && <OldNotice error={problem} />}
      {run !== 'latest' && newest > timeline.number && <NewerNotice context={context} newest={newest} />}
      <main class="timeline">
        <TimelineHead timeline={timeline} newest={newest} followed={run === 'latest'} view={view} />
        {view.bars.value.count === 0 ? (
          <NoEvents context={context} />
        ) : (
          <Body view={view} timeline={timeline} />
        )}
      </main>
    </>
  );
}

function assemble({ context, run }: Address): { data: TimelineData; view: TimelineView } {
  // The view reads what the data holds, and the data asks for what the view groups by.
  const data: TimelineData = new TimelineData(context, run, () => view.group.value);
  const view = new TimelineView(data.bars);
  readAddress(view, location.search);
  return { data, view };
}

/** Starts all that goes on while the page is shown. Returns what ends it. */
function start(data: TimelineData, view: TimelineView, run: number | 'latest'): () => void {
  const key = (event: KeyboardEvent) => runCommand(view, event);
  document.addEventListener('keydown', key);
  let shown: number | null = null;
  const stops = [
    keepAddress(view),
    effect(() => {
      void view.group.value;
      data.refreshNow();
    }),
    effect(() => {
      const number = data.timeline.value?.number ?? null;
      // A newer run has times of its own: what was zoomed to in the last one means nothing there.
      if (run === 'latest' && shown !== null && number !== shown) view.zoomToAll();
      shown = number;
    }),
  ];
  return () => {
    document.removeEventListener('keydown', key);
    for (const stop of stops) stop();
    data.close();
  };
}

function useTitle(timeline: Timeline | null): void {
  const title =
    timeline === null
      ? 'upto'
      : `${TITLE_SIGNS[timeline.state]} #${timeline.number} ${visibleText(timeline.context)} · upto`;
  useEffect(() => void (document.title = title), [title]);
}

function Body({ view, timeline }: { view: TimelineView; timeline: Timeline }) {
  return (
    <>
      <Toolbar view={view} />
      <div class="workspace">
        <div class="chart">
          <ChartPane view={view} label={`run ${timeline.number} of ${visibleText(timeline.context)}`} />
          {view.rows.value.length === 0 && (
            <div class="no-match" role="status">
              No step or host has all of these words.
            </div>
          )}
        </div>
        <Details view={view} />
      </div>
    </>
  );
}

function NewerNotice({ context, newest }: { context: string; newest: number }) {
  return (
    <Notice kind="news">
      A newer run of <Name text={context} /> started: <a href={pathOf(context, newest)}>#{newest}</a>, or{' '}
      <a href={pathOf(context, 'latest')}>follow the newest</a>.
    </Notice>
  );
}

function NoEvents({ context }: { context: string }) {
  const word = shellWord(context);
  return (
    <Blank title="Nothing has started in this run yet">
      <p>The first report draws the first bar:</p>
      <Command text={`upto-client start ${word} build.compile\nupto-client end ${word} build.compile`} />
    </Blank>
  );
}
