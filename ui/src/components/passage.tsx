import type { ComponentChildren } from 'preact';
import type { Failure, Outcome, Report } from '../api/function-types';
import { CAUSE_TEXTS } from '../model/functions';
import { ReportChange, ReportLine, WholeChange } from './difference';
import { OutcomeTag } from './function-state';
import { ChevronIcon } from './icons';
import { Name } from './name';

interface PassageProps {
  before: Report;
  outcome: Outcome;
  after?: readonly Report[];
  failure: Failure | null;
  /** What stands at the end of the line: how long it took, when it was. */
  aside: ComponentChildren;
  /** What can be done about it. */
  children?: ComponentChildren;
}

/** A report on its way through a function: what became of it, and opened, all that it says. */
export function Passage({ before, outcome, after = [], failure, aside, children }: PassageProps) {
  return (
    <li class="passage">
      <details>
        <summary class="passage-head">
          <span class="passage-twist">
            <ChevronIcon />
          </span>
          <OutcomeTag outcome={outcome} />
          <ReportLine report={before} />
          <span class="is-quiet is-number">{aside}</span>
        </summary>
        <div class="passage-body">
          <WholeChange before={before} outcome={outcome} after={after} />
        </div>
      </details>
      {failure !== null && (
        <p class="passage-body fault">
          {CAUSE_TEXTS[failure.cause]}: <Name text={failure.message} />
        </p>
      )}
      <div class="passage-body passage-brief">
        <ReportChange before={before} outcome={outcome} after={after} />
      </div>
      {children && <div class="passage-body actions">{children}</div>}
    </li>
  );
}
