import type { ComponentChildren } from 'preact';
import type { Timeline } from '../api/types';
import { formatInstant, formatShortInstant, plural } from '../model/format';
import { parseInstant } from '../model/time';
import { pathOf } from '../router';
import type { TimelineView } from '../state/timeline-view';
import { DeleteRun } from './deletion';
import { BackIcon, NextIcon } from './icons';
import { Labels, Name } from './name';
import { StateTag } from './state';
import { TimelineTook } from './took';

interface HeadProps {
  timeline: Timeline;
  newest: number;
  /** Whether the page moves on to each newer run by itself. */
  followed: boolean;
  view: TimelineView;
}

/** Which run this is, how it goes, and the way to its neighbours. */
export function TimelineHead({ timeline, newest, followed, view }: HeadProps) {
  const started = timeline.first ?? timeline.created_at;
  return (
    <div class="run-head">
      <Neighbours timeline={timeline} newest={newest} />
      <h1>
        #{timeline.number} {timeline.name !== null && <Name text={timeline.name} class="run-name" />}
      </h1>
      <StateTag state={timeline.state} />
      <span class="run-took">
        <TimelineTook timeline={timeline} />
      </span>
      <ul class="run-facts">
        <li>
          <time dateTime={started} title={formatInstant(parseInstant(started))}>
            {formatShortInstant(parseInstant(started))}
          </time>
        </li>
        <li>{plural(timeline.events, 'event')}</li>
        {timeline.running > 0 && <li>{timeline.running} running</li>}
        {timeline.failed > 0 && (
          <li>
            <button class="link is-bad" onClick={() => view.selectNextFailed(1)} title="Next failed step (n)">
              {timeline.failed} failed
            </button>
          </li>
        )}
      </ul>
      <Labels labels={timeline.labels} />
      <div class="actions">
        {followed ? (
          <span class="following">Following the newest</span>
        ) : (
          <a class="button" href={pathOf(timeline.context, 'latest')}>
            Follow the newest
          </a>
        )}
        <DeleteRun timeline={timeline} isNewest={timeline.number === newest} />
      </div>
    </div>
  );
}

function Neighbours({ timeline, newest }: Pick<HeadProps, 'timeline' | 'newest'>) {
  const { context, number } = timeline;
  return (
    <nav class="neighbours" aria-label="Other runs">
      <Neighbour href={number > 1 ? pathOf(context, number - 1) : null} text="Previous run">
        <BackIcon />
      </Neighbour>
      <Neighbour href={number < newest ? pathOf(context, number + 1) : null} text="Next run">
        <NextIcon />
      </Neighbour>
    </nav>
  );
}

function Neighbour({
  href,
  text,
  children,
}: {
  href: string | null;
  text: string;
  children: ComponentChildren;
}) {
  if (href === null) return <span class="button is-quiet is-off">{children}</span>;
  return (
    <a class="button is-quiet" href={href} title={text}>
      {children}
      <span class="hidden-text">{text}</span>
    </a>
  );
}
