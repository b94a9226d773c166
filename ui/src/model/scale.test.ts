import fc from 'fast-check';
import { expect, test } from 'vitest';
import { between, fit, pan, SHORTEST_VIEW_S, toPx, toTime, within, zoom, type View } from './scale';

const bounds: View = { from: -10, to: 1010 };
const view = fc
  .tuple(fc.double({ min: -10, max: 1000, noNaN: true }), fc.double({ min: 0.01, max: 1020, noNaN: true }))
  .map(([from, span]) => within({ from, to: from + span }, bounds));

test('pixels and seconds are each other’s inverse', () => {
  fc.assert(
    fc.property(view, fc.double({ min: 0, max: 1, noNaN: true }), (each, share) => {
      const x = share * 1280;
      expect(toPx(each, 1280, toTime(each, 1280, x))).toBeCloseTo(x, 3);
    }),
  );
});

test('zooming in keeps the time under the cursor under the cursor', () => {
  fc.assert(
    fc.property(
      view,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0.1, max: 1, noNaN: true }),
      (each, share, factor) => {
        const anchor = toTime(each, 1000, share * 1000);
        const zoomed = zoom(each, factor, anchor, bounds);
        expect(toPx(zoomed, 1000, anchor)).toBeCloseTo(share * 1000, 3);
      },
    ),
  );
});

test('no zoom and no pan leaves the bounds or turns the view inside out', () => {
  fc.assert(
    fc.property(
      view,
      fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      (each, factor, delta) => {
        for (const next of [zoom(each, factor, each.from, bounds), pan(each, delta, bounds)]) {
          expect(next.from).toBeGreaterThanOrEqual(bounds.from - 1e-9);
          expect(next.to).toBeLessThanOrEqual(bounds.to + 1e-9);
          expect(next.to - next.from).toBeGreaterThanOrEqual(SHORTEST_VIEW_S * 0.99);
        }
      },
    ),
  );
});

test('fits also what has no length', () => {
  const view = fit(5, 5);
  expect(view.from).toBeLessThan(5);
  expect(view.to).toBeGreaterThan(5);
});

test('takes two times in either order', () => {
  expect(between(7, 3)).toEqual({ from: 3, to: 7 });
  expect(between(3, 3).to).toBeGreaterThan(3);
});
