/** The colours of the chart by the names that `styles/tokens.css` gives them. */
const NAMES = {
  surface: '--surface',
  text: '--text',
  muted: '--text-muted',
  grid: '--grid',
  divider: '--border',
  accent: '--accent',
  hover: '--row-hover',
  selected: '--row-selected',
  now: '--running-edge',
  ended: '--ended',
  endedEdge: '--ended-edge',
  running: '--running',
  runningEdge: '--running-edge',
  failed: '--failed',
  failedEdge: '--failed-edge',
  unfinished: '--unfinished',
  waiting: '--waiting',
  group: '--group',
} as const;

export type Palette = Readonly<Record<keyof typeof NAMES, string>>;

/**
 * Reads the colours as they are in the theme of now. A custom property reads as what was written, so each
 * is put on an element as its colour, of which the browser tells what it comes to.
 */
export function readPalette(within: HTMLElement): Palette {
  const probe = document.createElement('span');
  probe.hidden = true;
  within.append(probe);
  const style = getComputedStyle(probe);
  const colors = Object.entries(NAMES).map(([name, property]) => {
    probe.style.color = `var(${property})`;
    return [name, style.color];
  });
  probe.remove();
  return Object.fromEntries(colors) as Palette;
}
