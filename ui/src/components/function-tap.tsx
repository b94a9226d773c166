import { useEffect, useState } from 'preact/hooks';
import type { FunctionResource } from '../api/function-types';
import { formatMicros } from '../model/functions';
import { Tap, tappedMatches } from '../state/watching';
import { Check } from './fields';
import { clockOf } from './function-logs';
import { SearchIcon } from './icons';
import { Passage } from './passage';

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
          <Passage
            key={report.number}
            {...report}
            aside={
              <>
                {report.version !== null && `v${report.version} · `}
                {formatMicros(report.time_us)} · <time dateTime={report.at}>{clockOf(report.at)}</time>
              </>
            }
          />
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
