import { effect, signal, type Signal } from '@preact/signals';

/** A signal that remembers its value in this browser. A browser that keeps nothing is no error. */
export function remembered<T extends string | number>(
  key: string,
  initial: T,
  valid: (value: T) => boolean,
): Signal<T> {
  const name = `upto.${key}`;
  const value = signal(initial);
  try {
    const kept = localStorage.getItem(name);
    const read = (typeof initial === 'number' ? Number(kept) : kept) as T;
    if (kept !== null && valid(read)) value.value = read;
  } catch {
    return value;
  }
  effect(() => {
    const next = String(value.value);
    try {
      localStorage.setItem(name, next);
    } catch {
      // Full or forbidden: the choice holds until the page is left.
    }
  });
  return value;
}

export type Theme = 'system' | 'light' | 'dark';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export const theme = remembered<Theme>('theme', 'system', (value) => THEMES.includes(value));

/** Moves on to the next of: as the system says, light, dark. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
}

/** Lets the style sheets know the theme; without an attribute they follow the system. */
export function applyTheme(): void {
  effect(() => {
    const { dataset } = document.documentElement;
    if (theme.value === 'system') delete dataset['theme'];
    else dataset['theme'] = theme.value;
  });
}

/** Goes up whenever the colours may have changed: what draws them itself depends on it. */
export const colorsChanged = signal(0);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => colorsChanged.value++);

/** The narrowest and the widest that the table beside the chart can be made, CSS pixels. */
export const TABLE_PX = { least: 200, most: 900 } as const;

/** Width of the table beside the chart, CSS pixels. */
export const tableWidth = remembered<number>(
  'table-width',
  400,
  (px) => px >= TABLE_PX.least && px <= TABLE_PX.most,
);
