import type { ComponentChildren } from 'preact';

/** A line drawing in a box of 16 by 16, in the colour of the text around it. */
function icon(children: ComponentChildren) {
  return () => (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      {children}
    </svg>
  );
}

export const ChevronIcon = icon(<path d="M6 4 L10 8 L6 12" />);
export const PlusIcon = icon(<path d="M8 3.5 V12.5 M3.5 8 H12.5" />);
export const MinusIcon = icon(<path d="M3.5 8 H12.5" />);
export const FitIcon = icon(
  <path d="M2.5 3 V13 M13.5 3 V13 M4.5 8 H11.5 M6.5 6 L4.5 8 L6.5 10 M9.5 6 L11.5 8 L9.5 10" />,
);
export const SearchIcon = icon(
  <>
    <circle cx="7" cy="7" r="4" />
    <path d="M10 10 L13.5 13.5" />
  </>,
);
export const CloseIcon = icon(<path d="M4 4 L12 12 M12 4 L4 12" />);
export const BackIcon = icon(<path d="M10 3.5 L5.5 8 L10 12.5" />);
export const NextIcon = icon(<path d="M6 3.5 L10.5 8 L6 12.5" />);
export const HelpIcon = icon(
  <>
    <path d="M5.5 6 A2.5 2.5 0 1 1 8 8.5 V9.75" />
    <circle cx="8" cy="12.2" r="0.4" />
  </>,
);
export const SunIcon = icon(
  <>
    <circle cx="8" cy="8" r="2.75" />
    <path d="M8 1.5 V3 M8 13 V14.5 M1.5 8 H3 M13 8 H14.5 M3.4 3.4 L4.5 4.5 M11.5 11.5 L12.6 12.6 M3.4 12.6 L4.5 11.5 M11.5 4.5 L12.6 3.4" />
  </>,
);
export const MoonIcon = icon(<path d="M12.8 9.6 A5.4 5.4 0 1 1 6.4 3.2 A4.3 4.3 0 0 0 12.8 9.6 Z" />);
export const SystemIcon = icon(
  <>
    <circle cx="8" cy="8" r="5" />
    <path d="M8 3 A5 5 0 0 1 8 13 Z" class="filled" />
  </>,
);

/** Three steps, of which the last still runs up to now. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 22 16" width="22" height="16" aria-hidden="true">
      <rect x="0" y="1" width="11" height="3.6" rx="1.2" class="done" />
      <rect x="4" y="6.2" width="10" height="3.6" rx="1.2" class="done" />
      <rect x="9" y="11.4" width="9" height="3.6" rx="1.2" class="live" />
      <rect x="19" y="0" width="1.6" height="16" rx="0.8" class="now" />
    </svg>
  );
}
