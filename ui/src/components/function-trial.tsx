import { useId } from 'preact/hooks';
import type { Outcome, Trial, Verdict } from '../api/function-types';
import { plural } from '../model/format';
import { formatBytes, formatMicros } from '../model/functions';
import type { Draft, ReportsFrom } from '../state/draft';
import { CodeEditor } from './code-editor';
import { TextDifference } from './difference';
import { FaultText } from './fields';
import { Name } from './name';
import { Passage } from './passage';
import { Segment, Segments } from './segments';

/** The server takes no more reports to try with. */
const MOST_REPORTS = 256;
const OUTCOMES: readonly Outcome[] = ['changed', 'expanded', 'dropped', 'failed', 'kept', 'not concerned'];

/** Runs a draft on reports and its cases, and shows what it would make of them. */
export function TrialPane({ draft, onTry }: { draft: Draft; onTry: () => void }) {
  const trial = draft.trial.value;
  return (
    <section class="trial" aria-label="Try">
      <h2>Try</h2>
      <p class="hint">
        {draft.seesReports.value
          ? 'Shows what the code would make of reports. Nothing is stored.'
          : 'It makes reports of requests, and those come from its cases only. Nothing is stored.'}
      </p>
      <ReportsChoice draft={draft} />
      <div class="actions">
        <button class="button" onClick={onTry} disabled={draft.busy.value !== ''}>
          {draft.busy.value === 'try' ? 'Trying…' : 'Try'}
        </button>
        <span class="is-quiet" role="status">
          {trial !== null && summaryOf(trial)}
        </span>
      </div>
      {trial !== null && <TrialView trial={trial} reportsFrom={draft.triedWith.value} />}
    </section>
  );
}

function ReportsChoice({ draft }: { draft: Draft }) {
  const id = useId();
  const from = draft.reportsFrom.value;
  const choice = (value: ReportsFrom, text: string) => (
    <Segment on={from === value} onClick={() => (draft.reportsFrom.value = value)} text={text} />
  );
  const fault = draft.fault.value?.place === 'reports' ? draft.fault.value : null;
  if (!draft.seesReports.value) return <FaultText fault={fault} />;
  return (
    <>
      <div class="actions">
        <Segments label="With">
          {choice('last', 'Last reports')}
          {choice('typed', 'Typed reports')}
          {choice('none', 'Only cases')}
        </Segments>
        {from === 'last' && (
          <label class="field">
            <span class="field-label">How many</span>
            <input
              class="number-input"
              type="number"
              min="1"
              max={MOST_REPORTS}
              value={draft.last.value}
              onChange={(event) => {
                const wanted = Math.round(Number(event.currentTarget.value)) || 1;
                draft.last.value = Math.min(Math.max(wanted, 1), MOST_REPORTS);
                event.currentTarget.value = String(draft.last.value);
              }}
            />
          </label>
        )}
      </div>
      {from === 'typed' && (
        <CodeEditor
          value={draft.reports.value}
          language="json"
          label="Reports as JSON"
          rows={5}
          errorLine={fault?.line ?? null}
          errorId={fault === null ? undefined : id}
          onInput={(reports) => (draft.reports.value = reports)}
        />
      )}
      <FaultText fault={fault} id={id} />
    </>
  );
}

/** `3 changed, 1 dropped, 16 kept`; without reports `2 cases passed, 1 failed`. */
function summaryOf({ results, cases }: Trial): string {
  if (results.length === 0) return casesSummary(cases);
  const counted = OUTCOMES.map((outcome) => ({
    outcome,
    count: results.filter((result) => result.outcome === outcome).length,
  }));
  return counted
    .filter(({ count }) => count > 0)
    .map(({ outcome, count }) => `${count} ${outcome}`)
    .join(', ');
}

function casesSummary(cases: readonly Verdict[]): string {
  if (cases.length === 0) return '';
  const failed = cases.filter((each) => !each.passed).length;
  return `${plural(cases.length - failed, 'case')} passed${failed > 0 ? `, ${failed} failed` : ''}`;
}

/** Why there are no results. */
const NO_RESULTS: Record<ReportsFrom, string> = {
  last: 'This server keeps no report that would pass the code. Type some instead, or run only the cases.',
  typed: 'There was no report to try with.',
  none: 'There was no case to run.',
};

function TrialView({ trial, reportsFrom }: { trial: Trial; reportsFrom: ReportsFrom }) {
  const onlyCases = reportsFrom === 'none' && trial.cases.length > 0;
  return (
    <>
      {trial.results.length === 0 ? (
        !onlyCases && <p class="blank-note">{NO_RESULTS[reportsFrom]}</p>
      ) : (
        <p class="is-quiet small">
          {plural(trial.results.length, 'report')}: half took up to {formatMicros(trial.time_us.p50)}, the
          longest {formatMicros(trial.time_us.max)}; memory {formatBytes(trial.memory)}
        </p>
      )}
      {trial.cases.length > 0 && (
        <>
          <h3>Cases</h3>
          <Verdicts verdicts={trial.cases} />
        </>
      )}
      {trial.results.length > 0 && <h3>Reports</h3>}
      <ol class="passages">
        {trial.results.map((result, at) => (
          <Passage
            key={at}
            before={result.in}
            outcome={result.outcome}
            after={result.out}
            failure={result.failure}
            aside={formatMicros(result.time_us)}
          />
        ))}
      </ol>
      {trial.logs.length > 0 && (
        <>
          <h3>Log</h3>
          <ol class="log-lines">
            {trial.logs.map(({ level, text }, at) => (
              <li key={at} class={`log-line is-${level}`}>
                <span class="log-level">{level}</span>
                <Name text={text} class="log-text" />
              </li>
            ))}
          </ol>
        </>
      )}
    </>
  );
}

/** What became of each case, with the difference of those that failed. */
export function Verdicts({ verdicts }: { verdicts: readonly Verdict[] }) {
  return (
    <ul class="verdicts">
      {verdicts.map(({ name, passed, difference }, at) => (
        <li key={at}>
          <span class={`verdict ${passed ? 'is-passed' : 'is-failed'}`}>
            <span aria-hidden="true">{passed ? '✓' : '✗'}</span> {passed ? 'passed' : 'failed'}
          </span>{' '}
          <Name text={name} />
          {difference !== '' && (
            <>
              <p class="hint">− what was wanted, + what came</p>
              <TextDifference text={difference} label={`Difference of the case ${at + 1}`} />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}
