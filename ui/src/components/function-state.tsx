import type { ComponentChildren } from 'preact';
import type { FunctionResource, FunctionState, Outcome } from '../api/function-types';
import { stateText } from '../model/functions';

/** A shape for each, so that colour is never the only sign. Drawn in a box of 12 by 12. */
const STATES: Record<FunctionState, ComponentChildren> = {
  active: (
    <>
      <circle cx="6" cy="6" r="4.75" class="line" />
      <circle cx="6" cy="6" r="2.25" class="area" />
    </>
  ),
  disabled: (
    <>
      <circle cx="6" cy="6" r="4.75" class="line" />
      <path d="M2.7 9.3 L9.3 2.7" class="line" />
    </>
  ),
  resting: <path d="M3.5 2 V10 M8.5 2 V10" class="line is-thick" />,
  failing: (
    <>
      <path d="M6 1.25 L11.25 10.5 H0.75 Z" class="line" />
      <path d="M6 4.75 V7.25 M6 8.9 V9" class="line" />
    </>
  ),
  broken: (
    <>
      <rect x="1.25" y="1.25" width="9.5" height="9.5" rx="1.5" class="line" />
      <path d="M3.9 3.9 L8.1 8.1 M8.1 3.9 L3.9 8.1" class="line" />
    </>
  ),
};

const OUTCOMES: Record<Outcome, ComponentChildren> = {
  kept: <path d="M2 4.5 H10 M2 7.5 H10" class="line" />,
  changed: <path d="M1.5 6 H10 M7 3 L10 6 L7 9" class="line" />,
  dropped: (
    <>
      <path d="M6 1.5 V7 M3.5 4.75 L6 7.25 L8.5 4.75" class="line" />
      <path d="M2 10.25 H10" class="line" />
    </>
  ),
  expanded: <path d="M1.5 6 H4 L8 2.5 H10.5 M4 6 H10.5 M4 6 L8 9.5 H10.5" class="line" />,
  failed: <path d="M2.75 2.75 L9.25 9.25 M9.25 2.75 L2.75 9.25" class="line" />,
  'not concerned': <circle cx="6" cy="6" r="4.25" class="line" stroke-dasharray="1.6 1.74" />,
};

/** The state of a function as sign and word. */
export function FunctionStateTag({ fn }: { fn: FunctionResource }) {
  return (
    <span class={`state-tag of-function is-${fn.state}`} title={stateText(fn)}>
      <Shape>{STATES[fn.state]}</Shape>
      {fn.state}
    </span>
  );
}

/** What became of a report, as sign and word. */
export function OutcomeTag({ outcome }: { outcome: Outcome }) {
  return (
    <span class={`state-tag of-outcome is-${outcome.replace(' ', '-')}`}>
      <Shape>{OUTCOMES[outcome]}</Shape>
      {outcome}
    </span>
  );
}

function Shape({ children }: { children: ComponentChildren }) {
  return (
    <svg class="state-icon" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {children}
    </svg>
  );
}
