import type { ComponentChildren } from 'preact';

/** A choice of which all is visible, with a word before it. */
export function Segments({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <span class="field-label" aria-hidden="true">
        {label}
      </span>
      <div class="segments" role="group" aria-label={label}>
        {children}
      </div>
    </div>
  );
}

interface SegmentProps {
  on: boolean;
  onClick: () => void;
  text: string;
  disabled?: boolean;
}

/** One of the choices. */
export function Segment({ on, onClick, text, disabled = false }: SegmentProps) {
  return (
    <button class="segment" aria-pressed={on} onClick={onClick} disabled={disabled}>
      {text}
    </button>
  );
}
