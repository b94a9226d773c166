import type { ComponentChildren } from 'preact';
import type { StateName } from '../api/types';

/** A shape for each state, so that colour is never the only sign. Drawn in a box of 12 by 12. */
const SHAPES: Record<StateName | 'point', ComponentChildren> = {
  waiting: <circle cx="6" cy="6" r="4.25" class="line" stroke-dasharray="1.6 1.74" />,
  running: (
    <>
      <circle cx="6" cy="6" r="4.75" class="line" />
      <path d="M6 2.75 A3.25 3.25 0 0 1 6 9.25 Z" class="area" />
    </>
  ),
  ended: <path d="M2 6.5 L4.8 9.2 L10 3.2" class="line" />,
  failed: <path d="M2.75 2.75 L9.25 9.25 M9.25 2.75 L2.75 9.25" class="line" />,
  unfinished: (
    <>
      <circle cx="6" cy="6" r="4.5" class="line" stroke-dasharray="3 1.71" />
      <path d="M3.75 6 H8.25" class="line" />
    </>
  ),
  point: <path d="M6 1.75 L10.25 6 L6 10.25 L1.75 6 Z" class="area" />,
};

export function StateIcon({ state, point = false }: { state: StateName; point?: boolean }) {
  const shape = point && state === 'ended' ? 'point' : state;
  return (
    <svg class={`state-icon is-${shape}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {SHAPES[shape]}
    </svg>
  );
}

/** A state as sign and word. */
export function StateTag({ state }: { state: StateName }) {
  return (
    <span class={`state-tag is-${state}`}>
      <StateIcon state={state} />
      {state}
    </span>
  );
}
