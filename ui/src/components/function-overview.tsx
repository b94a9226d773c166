import type { ComponentChildren } from 'preact';
import type {
  CanaryDifference,
  Counts,
  Failure,
  FunctionResource,
  LastError,
  Report,
} from '../api/function-types';
import { formatCount, formatDuration, plural } from '../model/format';
import {
  canaryText,
  CAUSE_TEXTS,
  contextsText,
  failedOf,
  failedText,
  formatBytes,
  formatMicros,
  formatShare,
  goesOnText,
  ON_ERROR_TEXTS,
  seesReports,
  seesRequests,
  stateText,
} from '../model/functions';
import { functionPath } from '../router';
import { Ago } from './ago';
import { Comparison, ReportFields, RequestFields } from './difference';
import { FunctionStateTag } from './function-state';
import { Name } from './name';

/** How a function does: what it does to reports and requests, what it costs, and what went wrong last. */
export function FunctionOverview({ fn }: { fn: FunctionResource }) {
  return (
    <div class="overview-grid">
      <div>
        {seesReports(fn) && <ReportsCard counts={fn.counts} />}
        {seesRequests(fn) && <RequestsCard counts={fn.counts} />}
        <CanaryCard fn={fn} />
        <Cost fn={fn} />
      </div>
      <div>
        <LastErrorCard fn={fn} />
        <Facts fn={fn} />
      </div>
    </div>
  );
}

const CAUSES = ['error', 'time', 'memory', 'output'] as const;

function ReportsCard({ counts }: { counts: Counts }) {
  const failed = failedOf(counts);
  const parts = [
    { kind: 'kept', text: 'kept as they were', count: counts.kept },
    { kind: 'changed', text: 'changed', count: counts.changed },
    {
      kind: 'expanded',
      text: `made into several (${formatCount(counts.made)} in all)`,
      count: counts.expanded,
    },
    { kind: 'dropped', text: 'dropped', count: counts.dropped },
    { kind: 'failed', text: 'failed', count: failed },
    { kind: 'skipped', text: 'came while it rested', count: counts.skipped },
  ];
  return (
    <section class="card">
      <h2>Reports</h2>
      <Flow received={counts.received} parts={parts} />
      {failed > 0 && (
        <ul class="causes">
          {CAUSES.filter((cause) => counts.failed[cause] > 0).map((cause) => (
            <li key={cause}>
              {formatCount(counts.failed[cause])} × {CAUSE_TEXTS[cause]}
            </li>
          ))}
        </ul>
      )}
      <p class="hint">Of the running version, on this server, since that started.</p>
    </section>
  );
}

function RequestsCard({ counts }: { counts: Counts }) {
  const { requests, requests_refused: refused, requests_failed: failed, requests_made: made } = counts;
  const parts = [
    {
      kind: 'changed',
      text: `taken, ${plural(made, 'report')} made of them`,
      // The counts are read one after the other, while requests come.
      count: Math.max(requests - refused - failed, 0),
    },
    { kind: 'dropped', text: 'refused', count: refused },
    { kind: 'failed', text: 'failed', count: failed },
  ];
  return (
    <section class="card">
      <h2>Requests</h2>
      <Flow received={requests} parts={parts} />
      <p class="hint">Webhooks and datagrams to the running version, on this server, since that started.</p>
    </section>
  );
}

interface FlowProps {
  received: number;
  parts: readonly { kind: string; text: string; count: number }[];
}

/** What became of what was received: a bar of shares, and the numbers. */
function Flow({ received, parts }: FlowProps) {
  const whole = parts.reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      <p class="big-number">
        {formatCount(received)} <span class="is-quiet">received</span>
      </p>
      <div class="flow" aria-hidden="true">
        {parts.map(({ kind, count }) => (
          <div key={kind} class={`flow-part is-${kind}`} style={{ flexGrow: count / Math.max(whole, 1) }} />
        ))}
      </div>
      <dl class="flow-counts">
        {parts.map(({ kind, text, count }) => (
          <div key={kind} class={count === 0 ? 'is-none' : undefined}>
            <dt>
              <span class={`flow-key is-${kind}`} aria-hidden="true" />
              {text}
            </dt>
            <dd>
              {formatCount(count)} <span class="is-quiet flow-share">{formatShare(count, whole)}</span>
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Cost({ fn }: { fn: FunctionResource }) {
  const { p50, p99, total_s } = fn.time_us;
  return (
    <section class="card">
      <h2>Cost</h2>
      <dl class="figures">
        <Figure title="half take at most" value={formatMicros(p50)} />
        <Figure title="99 of 100 take at most" value={formatMicros(p99)} />
        <Figure title="processor time in all" value={formatDuration(total_s)} />
        <Figure title="most memory" value={formatBytes(fn.memory_peak)} />
      </dl>
    </section>
  );
}

function Figure({ title, value }: { title: string; value: string }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function CanaryCard({ fn }: { fn: FunctionResource }) {
  const canary = fn.canary;
  if (canary === null) return null;
  const failed = failedOf(canary.counts);
  return (
    <section class="card">
      <h2>Canary: version {canary.version}</h2>
      <p>{canaryText(canary)}</p>
      <p>
        {plural(canary.counts.received, 'report')} so far, {formatCount(failed)} failed (
        {formatShare(failed, canary.counts.received)}).
        {canary.counts.received > 0 && ` 99 of 100 take at most ${formatMicros(canary.time_us.p99)}.`}
        {canary.shadow &&
          ` ${plural(canary.same ?? 0, 'result')} the same as the active one’s, ${formatCount(canary.different ?? 0)} different.`}
      </p>
      {canary.last_error !== null && (
        <>
          <h3>Its last error</h3>
          <ErrorText error={canary.last_error} />
        </>
      )}
      {canary.difference && <Different difference={canary.difference} />}
      <p>
        <a href={functionPath(fn.name, 'versions')}>Promote or end it</a>
      </p>
    </section>
  );
}

function Different({ difference }: { difference: CanaryDifference }) {
  const { active, canary, active_failure, canary_failure } = difference;
  const single = active.length === 1 && canary.length === 1;
  return (
    <>
      <h3>One that came out different</h3>
      <FailedSide who="The active version" failure={active_failure} goesOn={active} />
      <FailedSide who="The canary" failure={canary_failure} goesOn={canary} />
      {single ? (
        <>
          <p class="hint">− what goes on with the active version, + what would go on with the canary</p>
          <Comparison before={active[0]} after={canary[0]} />
        </>
      ) : (
        <>
          <p>
            With the active version {plural(active.length, 'report')} would go on, with the canary{' '}
            {canary.length}. It came in as
          </p>
          <ReportFields report={difference.before} />
        </>
      )}
    </>
  );
}

interface FailedSideProps {
  who: string;
  failure: Failure | null | undefined;
  goesOn: readonly Report[];
}

/** That one of two versions failed, and what goes on all the same. */
function FailedSide({ who, failure, goesOn }: FailedSideProps) {
  if (failure === null || failure === undefined) return null;
  return (
    <>
      <p class="fault">
        {who} failed: <Name text={failure.message} />
      </p>
      <p class="is-quiet">{goesOnText(goesOn)}</p>
    </>
  );
}

/** Why something failed, and when. */
function ErrorText({ error, children }: { error: LastError; children?: ComponentChildren }) {
  return (
    <>
      <p class="fault">
        <Name text={error.message} />
      </p>
      <p class="is-quiet">
        <Ago time={error.at} />: {CAUSE_TEXTS[error.cause]}. {children}
      </p>
    </>
  );
}

function LastErrorCard({ fn }: { fn: FunctionResource }) {
  const error = fn.last_error;
  if (error === null) return null;
  return (
    <section class="card">
      <h2>Last error</h2>
      <ErrorText error={error}>{failedText(error, fn.settings)}</ErrorText>
      {error.report !== null && (
        <>
          <h3>The report</h3>
          <ReportFields report={error.report} />
        </>
      )}
      {error.request !== null && (
        <>
          <h3>The request</h3>
          <RequestFields request={error.request} />
        </>
      )}
      {fn.dead_letters > 0 && (
        <p>
          <a href={functionPath(fn.name, 'dead-letters')}>{plural(fn.dead_letters, 'dead letter')}</a> can be
          replayed.
        </p>
      )}
    </section>
  );
}

function Facts({ fn }: { fn: FunctionResource }) {
  const does = {
    transform: 'changes reports on their way (transform)',
    receive: 'makes reports of foreign requests (receive)',
  };
  return (
    <section class="card">
      <h2>What it is</h2>
      <dl class="facts is-wide">
        <Fact title="State">
          <FunctionStateTag fn={fn} />
          <div class="is-quiet">{stateText(fn)}</div>
        </Fact>
        <Fact title="Language">{fn.language === 'lua' ? 'Lua' : 'Wasm'}</Fact>
        <Fact title="Does">{fn.entry_points.map((each) => does[each]).join('; ')}</Fact>
        {fn._links.hook !== undefined && (
          <Fact title="Hook">
            <code>POST {fn._links.hook.href}</code>
          </Fact>
        )}
        {seesReports(fn) && (
          <>
            <Fact title="Order">{fn.settings.order}</Fact>
            <Fact title="Contexts">
              <Name text={contextsText(fn.settings)} />
            </Fact>
            <Fact title="On error">a report on which it fails {ON_ERROR_TEXTS[fn.settings.on_error]}</Fact>
          </>
        )}
        {fn.settings.memory === true && (
          <Fact title="Memory">
            keeps what it remembers from one {seesReports(fn) ? 'report' : 'request'} to the next
          </Fact>
        )}
        {fn.source === 'store' && (
          <Fact title="Deployed">
            {fn.created_at === null ? '–' : <Ago time={fn.created_at} />}
            {fn.author !== '' && (
              <>
                {' by '}
                <Name text={fn.author} />
              </>
            )}
          </Fact>
        )}
        <Fact title="SHA-256">
          <code>{fn.sha256}</code>
        </Fact>
      </dl>
    </section>
  );
}

function Fact({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}
