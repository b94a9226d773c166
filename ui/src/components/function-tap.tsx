import { useEffect, useState } from 'preact/hooks';
import type { FunctionResource } from '../api/function-types';
import { CAUSE_TEXTS, formatMicros } from '../model/functions';
import { Tap, tappedMatches, type Numbered } from '../state/watching';
import { ReportChange, ReportLine } from './difference';
import { Check } from './fields';
import { clockOf } from './function-logs';
import { OutcomeTag } from './function-state';
import { SearchIcon } from './icons';
import { Name } from './name';

/** Reports as they pass the function, before and after. */
export function FunctionTap({ fn }: { fn: FunctionResource }) {
  const [tap] = useState(() => new Tap(fn._links.tap.href));
  useEffect(() => tap.start(), [tap]);
  const paused = tap.paused.value;
  const shown = tap.reports.value.filter((report) => tappedMatches(report, tap.filter.value));
  return (
    <>
      <div class="actions">
        <div class="search">
          <SearchIcon />
          <input
            type="search"
            value={tap.filter.value}
            placeholder="Only reports with these words"
            aria-label="Filter reports"
            spellcheck={false}
            onInput={(event) => (tap.filter.value = event.currentTarget.value)}
          />
        </div>
        <Check checked={tap.changesOnly.value} onChange={(only) => (tap.changesOnly.value = only)}>
          Leave out what comes out as it went in
        </Check>
        <button class="button" aria-pressed={paused} onClick={() => (tap.paused.value = !paused)}>
          {paused ? 'Go on' : 'Pause'}
        </button>
      </div>
      <p class="is-quiet" role="status">
        {statusOf(tap)}
      </p>
      <ol class="passages" aria-label="Reports, newest first">
        {shown.map((report) => (
          <Passage key={report.number} tapped={report} />
        ))}
      </ol>
    </>
  );
}

function statusOf(tap: Tap): string {
  if (!tap.connected.value) return 'Connecting…';
  if (tap.paused.value) return 'Paused: what passes meanwhile is not shown.';
  return tap.reports.value.length === 0
    ? 'Waiting for a report to pass…'
    : 'Newest first, on this server, at most 20 a second.';
}

function Passage({ tapped }: { tapped: Numbered }) {
  const { at, version, before, outcome, after, failure, time_us } = tapped;
  const quiet = outcome === 'kept' || outcome === 'not concerned';
  return (
    <li class="passage">
      <div class="passage-head">
        <OutcomeTag outcome={outcome} />
        <ReportLine report={before} />
        <span class="is-quiet is-number">
          {version !== null && `v${version} · `}
          {formatMicros(time_us)} · <time dateTime={at}>{clockOf(at)}</time>
        </span>
      </div>
      {failure !== null && (
        <p class="fault">
          {CAUSE_TEXTS[failure.cause]}: <Name text={failure.message} />
        </p>
      )}
      {!quiet && <ReportChange before={before} outcome={outcome} after={after} />}
    </li>
  );
}
