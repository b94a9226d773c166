import type { ComponentChildren } from 'preact';
import type { Outcome, Report } from '../api/function-types';
import { compareReports, fieldsOf, readDiff, type DiffLine } from '../model/diff';
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

interface ReportChangeProps {
  before: Report;
  outcome: Outcome;
  after: readonly Report[];
}

/** What became of a report: each field as it was and as it is, or the report alone where nothing changed. */
export function ReportChange({ before, outcome, after }: ReportChangeProps) {
  if (outcome === 'dropped') return <Comparison before={before} after={null} />;
  if (outcome !== 'changed' && outcome !== 'expanded') return <ReportFields report={before} />;
  return (
    <>
      {after.map((each, at) => (
        <div key={at}>
          {after.length > 1 && (
            <p class="is-quiet small">
              {at + 1} of {after.length}
            </p>
          )}
          <Comparison before={before} after={each} />
        </div>
      ))}
    </>
  );
}

/** Two reports, or one and nothing, field by field. */
export function Comparison({ before, after }: { before: Report; after: Report | null }) {
  const none: Report = { context: '', type: '' };
  return (
    <div class="difference">
      {compareReports(before, after ?? none).map((field) =>
        field.before === field.after ? (
          <FieldLine key={field.key} kind="same" field={field.key} value={field.before!} />
        ) : (
          <div key={field.key}>
            {field.before !== undefined && (
              <FieldLine kind="removed" field={field.key} value={field.before} />
            )}
            {field.after !== undefined && <FieldLine kind="added" field={field.key} value={field.after} />}
          </div>
        ),
      )}
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
