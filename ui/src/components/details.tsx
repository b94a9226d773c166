import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { get } from '../api/client';
import { expand } from '../api/template';
import type { EventDetail } from '../api/types';
import { hasChildren, hostOf, keyText, Kind, stateOf, statusOf, type Bars } from '../model/bars';
import { formatDuration, formatInstant, formatOffset, plural } from '../model/format';
import { summarize } from '../model/summary';
import { functionPath } from '../router';
import type { TimelineView } from '../state/timeline-view';
import { everySecond } from '../state/ticker';
import { ApiLink } from './api-link';
import { CloseIcon, FitIcon } from './icons';
import { Labels, Name } from './name';
import { StateTag } from './state';
import { RowTook } from './took';

/** What is known of the selected row: the event itself, and what is below it. */
export function Details({ view }: { view: TimelineView }) {
  const [bars, row] = [view.bars.value, view.activeRow.value];
  if (bars === null || row < 0 || !view.detailsOpen.value) return null;
  const status = statusOf(bars, row);
  return (
    <aside class="details" aria-label="Details">
      <div class="details-head">
        <h2>
          <Name text={bars.name[row] || bars.label[row] || 'no host'} />
        </h2>
        <button class="button is-quiet" onClick={() => (view.detailsOpen.value = false)} title="Close (Esc)">
          <CloseIcon />
          <span class="hidden-text">Close</span>
        </button>
      </div>
      <div class="details-body">
        <p class="details-state" aria-live="polite">
          {bars.kind[row] === Kind.point ? (
            <span class="state-tag">point</span>
          ) : (
            <StateTag state={stateOf(bars, row)} />
          )}
          {status !== null && <span class="status">{status}</span>}
        </p>
        <Facts view={view} bars={bars} row={row} />
        <button class="button" onClick={() => view.zoomToRow(row)}>
          <FitIcon />
          Zoom to it
        </button>
        {bars.kind[row] !== Kind.group && <EventFacts bars={bars} row={row} />}
        {hasChildren(bars, row) && <Below view={view} bars={bars} row={row} />}
      </div>
    </aside>
  );
}

function Facts({ view, bars, row }: { view: TimelineView; bars: Bars; row: number }) {
  const host = hostOf(bars, row);
  const point = bars.kind[row] === Kind.point;
  return (
    <dl class="facts">
      {host !== '' && <Fact title="Host">{<Name text={host} />}</Fact>}
      {!point && (
        <Fact title="Took">
          <RowTook bars={bars} row={row} now={() => view.now()} />
        </Fact>
      )}
      <Moment title={point ? 'At' : 'Start'} bars={bars} t={bars.start[row]} missing="never came" />
      {!Number.isNaN(bars.restart[row]) && (
        <Moment title="Again" bars={bars} t={bars.restart[row]} missing="" />
      )}
      {!point && <Moment title="End" bars={bars} t={bars.end[row]} missing="not yet" />}
    </dl>
  );
}

function Fact({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children || '–'}</dd>
    </div>
  );
}

function Moment({ title, bars, t, missing }: { title: string; bars: Bars; t: number; missing: string }) {
  if (Number.isNaN(t)) return <Fact title={title}>{missing}</Fact>;
  return (
    <Fact title={title}>
      {formatInstant(bars.originMs + t * 1000)}
      <div class="is-quiet">{t === 0 ? 'the beginning' : `${formatOffset(t, 0.001)} from the beginning`}</div>
    </Fact>
  );
}

/** What only the event's own resource tells: its labels and functions. Asked for again when the event changed. */
function EventFacts({ bars, row }: { bars: Bars; row: number }) {
  const href = expand(bars.eventHref, { name: bars.name[row], host: hostOf(bars, row) });
  const version = [bars.rowState[row], bars.start[row], bars.restart[row], bars.end[row]].join();
  const [event, setEvent] = useState<EventDetail | null>(null);
  const [failure, setFailure] = useState('');
  useEffect(() => {
    const aborter = new AbortController();
    get<EventDetail>(href, { signal: aborter.signal }).then(
      (answer) => {
        setFailure('');
        setEvent(answer!.body);
      },
      (error: Error) => {
        if (!aborter.signal.aborted) setFailure(error.message);
      },
    );
    return () => aborter.abort();
  }, [href, version]);
  return (
    <>
      {failure !== '' && (
        <p class="is-quiet">
          Labels could not be read: <Name text={failure} />
        </p>
      )}
      {event !== null && <Labels labels={event.labels} />}
      {event !== null && <ChangedBy functions={event.functions} />}
      <p>
        <ApiLink href={href} file="event.json" inTab>
          This event as JSON
        </ApiLink>
      </p>
    </>
  );
}

/** The functions that made or changed an event, each with its version: `rename@3`. */
function ChangedBy({ functions }: { functions: readonly string[] }) {
  if (functions.length === 0) return null;
  return (
    <p>
      <span class="is-quiet">Made or changed by</span>
      {functions.map((each, at) => (
        <span key={each}>
          {at === 0 ? ' ' : ', '}
          <a href={functionPath(each.split('@')[0])}>
            <Name text={each} />
          </a>
        </span>
      ))}
    </p>
  );
}

/** What is below a row, and which of its children took longest. */
function Below({ view, bars, row }: { view: TimelineView; bars: Bars; row: number }) {
  if (bars.runningCount > 0) void everySecond.value;
  const now = view.now();
  const sum = summarize(bars, row, now);
  const counts = [
    plural(sum.steps, 'step'),
    sum.points > 0 && plural(sum.points, 'point'),
    sum.running > 0 && `${sum.running} running`,
    sum.failed > 0 && `${sum.failed} failed`,
    sum.unfinished > 0 && `${sum.unfinished} unfinished`,
  ].filter(Boolean);
  return (
    <section class="below">
      <h3>Below it</h3>
      <p>{counts.join(', ')}</p>
      {sum.slowest.length > 1 && (
        <>
          <p class="is-quiet">
            Children took {formatDuration(sum.shortest)} to {formatDuration(sum.longest)}
            {sum.slowest.length > 2 && `, half of them up to ${formatDuration(sum.median)}`}. Longest:
          </p>
          <ol class="slowest">
            {sum.slowest.map((child) => (
              <li key={keyText(bars, child)}>
                <button class="link" onClick={() => view.select(child)}>
                  <Name text={bars.label[child] || 'no host'} />
                </button>
                <span class="is-number">
                  <RowTook bars={bars} row={child} now={() => now} />
                </span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}
