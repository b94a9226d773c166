import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ticks, tickStep } from './ticks';

test.each([
  [0.00011, 0.0002],
  [0.2, 0.2],
  [0.7, 1],
  [1.1, 2],
  [11, 15],
  [61, 120],
  [5000, 7200],
  [100_000, 172_800],
  [40_000_000, 63_072_000],
])('at least %d s apart is a step of %d s', (atLeast, step) => {
  expect(tickStep(atLeast)).toBeCloseTo(step, 9);
});

test('ticks are inside the view, in order, and apart', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1e5, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-4, max: 1e7, noNaN: true }),
      fc.integer({ min: 100, max: 4000 }),
      fc.integer({ min: 0, max: 86_400 }),
      (from, span, width, shift) => {
        const view = { from, to: from + span };
        const { at, step } = ticks(view, width, 90, shift);
        expect(at.length).toBeLessThanOrEqual(width / 90 + 2);
        expect((step / span) * width).toBeGreaterThanOrEqual(90 * (1 - 1e-6));
        for (const [index, t] of at.entries()) {
          expect(t).toBeGreaterThanOrEqual(from - step * 1e-3);
          expect(t).toBeLessThanOrEqual(view.to + step * 1e-3);
          if (index > 0) expect(t).toBeGreaterThan(at[index - 1]);
        }
      },
    ),
  );
});

test('with the origin’s time of day ticks fall on round local times', () => {
  const origin = 14 * 3600 + 7 * 60 + 12;
  const { at } = ticks({ from: 0, to: 3600 }, 1000, 100, origin);
  for (const t of at) expect((t + origin) % 600).toBeCloseTo(0, 6);
});
