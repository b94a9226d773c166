import type { View } from './scale';

/** Steps that people count time in, seconds; below a second 1, 2 and 5 of each power of ten. */
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
  604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000,
];

export interface Ticks {
  /** Distance between two ticks, seconds. */
  readonly step: number;
  /** Where they are, seconds from the origin, ascending, all inside the view. */
  readonly at: readonly number[];
}

/** The smallest step that leaves at least `atLeast` seconds between ticks. */
export function tickStep(atLeast: number): number {
  if (atLeast <= 1) {
    const power = 10 ** Math.floor(Math.log10(atLeast));
    const digit = atLeast / power;
    // A hair of tolerance: 0.2 / 0.1 is a little more than 2 in binary.
    return ([1, 2, 5].find((each) => digit <= each * (1 + 1e-9)) ?? 10) * power;
  }
  const known = STEPS.find((each) => each >= atLeast);
  return known ?? STEPS[STEPS.length - 1] * Math.ceil(atLeast / STEPS[STEPS.length - 1]);
}

/**
 * Ticks for a view that is `width` pixels wide, at least `gap` pixels apart.
 * @param shift seconds by which the origin lies after a round time: 0 counts from the origin; the
 *   origin's local time of day lets ticks fall on round local times.
 */
export function ticks(view: View, width: number, gap: number, shift: number): Ticks {
  const step = tickStep(((view.to - view.from) / Math.max(1, width)) * gap);
  const first = Math.ceil((view.from + shift) / step);
  const last = Math.floor((view.to + shift) / step);
  const at: number[] = [];
  for (let n = first; n <= last; n++) at.push(n * step - shift);
  return { step, at };
}
