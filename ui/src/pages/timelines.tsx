import { useEffect, useState } from 'preact/hooks';
import { contextHref, entry, get } from '../api/client';
import { Collection } from '../api/collection';
import type { Context, Timeline } from '../api/types';
import { More, useFresh } from '../components/collection';
import { DeleteContext } from '../components/deletion';
import { Labels, Name } from '../components/name';
import { Blank, NothingYet, OldNotice } from '../components/notice';
import { StateTag } from '../components/state';
import { TimelineTook, timelineSeconds } from '../components/took';
import { formatCount, formatDuration, formatInstant, formatShortInstant } from '../model/format';
import { median } from '../model/summary';
import { visibleText } from '../model/text';
import { parseInstant } from '../model/time';
import { pathOf } from '../router';
import { everySecond } from '../state/ticker';

/** A run that took so much longer than the middle one is marked as slow. */
const SLOW = 1.25;

/** The runs of one context, newest first, so that a slower one is seen at once. */
export function TimelinesPage({ context }: { context: string }) {
  const [timelines] = useState(
    () => new Collection<'timelines', Timeline>(() => timelinesOf(context), 'timelines'),
  );
  const problem = useFresh(timelines);
  useEffect(() => void (document.title = `${visibleText(context)} · upto`), [context]);
  const items = timelines.items.value;
  if (items === null) return <NothingYet error={problem} />;
  return (
    <>
      {problem !== null && <OldNotice error={problem} />}
      <main class="page">
        <div class="page-head">
          <h1>
            <Name text={context} />
          </h1>
          <div class="actions">
            <a class="button" href={pathOf(context, 'latest')}>
              Follow the newest run
            </a>
            <DeleteContext
              context={context}
              href={async () => contextHref(await entry(), context)}
              runs={items.length}
              more={timelines.hasMore.value}
            />
          </div>
        </div>
        {items.length === 0 ? <NoRuns /> : <TimelinesTable timelines={items} />}
        <More collection={timelines} />
      </main>
    </>
  );
}

/** All of its runs were deleted. */
function NoRuns() {
  return (
    <Blank title="There are no runs">
      <p>The next report begins one.</p>
    </Blank>
  );
}

const contextLinks = new Map<string, string>();

/** Where the timelines of a context are; its resource says so and need not be asked again. */
async function timelinesOf(context: string): Promise<string> {
  const known = contextLinks.get(context);
  if (known !== undefined) return known;
  const answer = await get<Context>(contextHref(await entry(), context));
  const { href } = answer!.body._links.timelines;
  contextLinks.set(context, href);
  return href;
}

function TimelinesTable({ timelines }: { timelines: readonly Timeline[] }) {
  const running = timelines.some((timeline) => timeline.state === 'running');
  if (running) void everySecond.value;
  const seconds = timelines.map(timelineSeconds);
  const longest = Math.max(...seconds.filter((s) => !Number.isNaN(s)), 0);
  const middle = middleOf(timelines, seconds);
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">Run</th>
          <th scope="col">State</th>
          <th scope="col">Started</th>
          <th scope="col" class="is-number">
            Took
          </th>
          <th scope="col" class="is-wide">
            {Number.isNaN(middle) ? 'Compared' : `Compared with the usual ${formatDuration(middle)}`}
          </th>
          <th scope="col" class="is-number">
            Events
          </th>
          <th scope="col" class="is-number">
            Failed
          </th>
          <th scope="col">Labels</th>
        </tr>
      </thead>
      <tbody>
        {timelines.map((timeline, index) => (
          <TimelineRow
            key={timeline.number}
            timeline={timeline}
            seconds={seconds[index]}
            longest={longest}
            middle={middle}
          />
        ))}
      </tbody>
    </table>
  );
}

/** The middle duration of the runs that ended well, or where none did of all that are over. Seconds. */
function middleOf(timelines: readonly Timeline[], seconds: readonly number[]): number {
  const of = (wanted: (timeline: Timeline) => boolean) =>
    median(seconds.filter((s, index) => !Number.isNaN(s) && wanted(timelines[index])));
  const ended = of((timeline) => timeline.state === 'ended');
  return Number.isNaN(ended) ? of((timeline) => timeline.state !== 'running') : ended;
}

interface TimelineRowProps {
  timeline: Timeline;
  seconds: number;
  longest: number;
  middle: number;
}

function TimelineRow({ timeline, seconds, longest, middle }: TimelineRowProps) {
  const started = timeline.first ?? timeline.created_at;
  return (
    <tr>
      <th scope="row">
        <a class="list-name" href={pathOf(timeline.context, timeline.number)}>
          #{timeline.number} {timeline.name !== null && <Name text={timeline.name} />}
        </a>
      </th>
      <td>
        <StateTag state={timeline.state} />
      </td>
      <td>
        <time dateTime={started} title={formatInstant(parseInstant(started))}>
          {formatShortInstant(parseInstant(started))}
        </time>
      </td>
      <td class="is-number">
        <TimelineTook timeline={timeline} />
      </td>
      <td class="is-wide">
        <DurationBar timeline={timeline} seconds={seconds} longest={longest} middle={middle} />
      </td>
      <td class="is-number">{formatCount(timeline.events)}</td>
      <td class={`is-number ${timeline.failed > 0 ? 'is-bad' : 'is-quiet'}`}>
        {formatCount(timeline.failed)}
      </td>
      <td>
        <Labels labels={timeline.labels} />
      </td>
    </tr>
  );
}

/** A bar as long as the run, with a line where the middle run ends and the distance from it where it is far. */
function DurationBar({ timeline, seconds, longest, middle }: TimelineRowProps) {
  if (Number.isNaN(seconds) || longest === 0) return null;
  const slow = seconds > middle * SLOW;
  const percent = Math.round((seconds / middle - 1) * 100);
  return (
    <div class={`took-bar is-${timeline.state} ${slow ? 'is-slow' : ''}`}>
      <div class="took-track">
        <div class="took-fill" style={{ width: `${(seconds / longest) * 100}%` }} />
        {!Number.isNaN(middle) && (
          <div class="took-middle" style={{ left: `${(middle / longest) * 100}%` }} />
        )}
      </div>
      <span class="took-change">{slow && `+${percent} %`}</span>
    </div>
  );
}
