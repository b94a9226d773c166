import type { ComponentChildren } from 'preact';
import type { ForeignRequest, Outcome, Report } from '../api/function-types';
import { compareReports, fieldsOf, readDiff, sameReport, type DiffLine } from '../model/diff';
import { formatBytes } from '../model/functions';
import { visibleText } from '../model/text';
import { Name } from './name';

/** Each kind of line has a sign, so that colour is never the only one. */
const SIGNS: Record<DiffLine['kind'], string> = { same: ' ', removed: '−', added: '+', place: ' ' };

/** A difference of texts, as the server tells it. */
export function TextDifference({ text, label }: { text: string; label: string }) {
  return (
    <div class="difference is-text" role="region" aria-label={label} tabIndex={0}>
      {readDiff(text).map((line, at) => (
        <Line key={at} kind={line.kind}>
          {line.text.split('\t').map(visibleText).join('\t')}
        </Line>
      ))}
    </div>
  );
}

function Line({ kind, children }: { kind: DiffLine['kind']; children: ComponentChildren }) {
  const content = (
    <>
      <span class="sign">{SIGNS[kind]}</span>
      <span class="line">{children}</span>
    </>
  );
  if (kind === 'removed') return <del class="diff-line is-removed">{content}</del>;
  if (kind === 'added') return <ins class="diff-line is-added">{content}</ins>;
  return <div class={`diff-line is-${kind}`}>{content}</div>;
}

/** All that a report says, a line a field. */
export function ReportFields({ report }: { report: Report }) {
  return (
    <div class="difference">
      {fieldsOf(report).map(({ key, value }) => (
        <FieldLine key={key} kind="same" field={key} value={value} />
      ))}
    </div>
  );
}

/** What is known of a request. Its body is shown in the lines that it has. */
export function RequestFields({ request }: { request: ForeignRequest }) {
  return (
    <div class="difference">
      <FieldLine kind="same" field="method" value={request.method} />
      <FieldLine kind="same" field="path" value={request.path} />
      <Line kind="same">
        <Name text="body" class="field-name" />
        {request.body.includes('\n') ? '\n' : ' '}
        <bdi>{visibleLines(request.body)}</bdi>
      </Line>
      {new Blob([request.body]).size < request.size && (
        <p class="is-quiet small">This is the beginning of {formatBytes(request.size)}.</p>
      )}
    </div>
  );
}

function visibleLines(text: string): string {
  return text.split(/\r?\n/).map(visibleText).join('\n');
}

interface ReportChangeProps {
  before: Report;
  outcome: Outcome;
  after: readonly Report[];
}

/** What a function did to a report: only the fields that came out other than they went in. */
export function ReportChange({ before, outcome, after }: ReportChangeProps) {
  if (outcome === 'dropped') {
    return (
      <div class="difference">
        <Line kind="removed">the whole report</Line>
      </div>
    );
  }
  if (outcome !== 'changed' && outcome !== 'expanded') return null;
  return <Each before={before} after={after} brief />;
}

/** All that a report says, and what became of each field. */
export function WholeChange({ before, outcome, after }: ReportChangeProps) {
  const single = outcome !== 'changed' && outcome !== 'expanded';
  return single ? <ReportFields report={before} /> : <Each before={before} after={after} />;
}

function Each({
  before,
  after,
  brief = false,
}: {
  before: Report;
  after: readonly Report[];
  brief?: boolean;
}) {
  return (
    <>
      {after.map((each, at) => (
        <div key={at}>
          {(after.length > 1 || sameReport(before, each)) && (
            <p class="is-quiet small">
              {after.length > 1 && `${at + 1} of ${after.length}`}
              {sameReport(before, each) && (after.length > 1 ? ': as it came in' : 'Set to what it was.')}
            </p>
          )}
          <Comparison before={before} after={each} brief={brief} />
        </div>
      ))}
    </>
  );
}

/** Two reports field by field; `brief` leaves out what is the same in both. */
export function Comparison({
  before,
  after,
  brief = false,
}: {
  before: Report;
  after: Report;
  brief?: boolean;
}) {
  const fields = compareReports(before, after);
  return (
    <div class="difference">
      {fields.map(({ key, before: was, after: is }) => {
        if (was === is) return brief ? null : <FieldLine key={key} kind="same" field={key} value={was!} />;
        return (
          <div key={key}>
            {was !== undefined && <FieldLine kind="removed" field={key} value={was} />}
            {is !== undefined && <FieldLine kind="added" field={key} value={is} />}
          </div>
        );
      })}
    </div>
  );
}

function FieldLine({ kind, field, value }: { kind: DiffLine['kind']; field: string; value: string }) {
  return (
    <Line kind={kind}>
      <Name text={field} class="field-name" /> <Name text={value} />
    </Line>
  );
}

/** A report in one line: what it is of, and where. */
export function ReportLine({ report }: { report: Report }) {
  return (
    <span class="report-line">
      <Name text={report.name ?? ''} class="report-name" />
      <span class="is-quiet">
        {report.type} in <Name text={report.context} />
        {report.host && (
          <>
            {' on '}
            <Name text={report.host} />
          </>
        )}
      </span>
    </span>
  );
}
