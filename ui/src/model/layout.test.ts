import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AXIS_PX, positionAt, ROW_PX, rowsOnScreen, rowTop } from './layout';

test('a row is found where it is drawn, and all that can be seen is on the screen', () => {
  const count = 1000;
  fc.assert(
    fc.property(fc.nat(count * ROW_PX - 400), fc.integer({ min: 0, max: 399 }), (scrollTop, y) => {
      const position = positionAt(y, scrollTop, count);
      if (y < AXIS_PX) {
        expect(position).toBe(-1);
        return;
      }
      const top = rowTop(position, scrollTop);
      expect(top <= y && y < top + ROW_PX).toBe(true);
      const [first, end] = rowsOnScreen(scrollTop, 400, count);
      expect(first <= position && position < end).toBe(true);
      expect(end - first).toBeLessThanOrEqual(Math.ceil((400 - AXIS_PX) / ROW_PX) + 1);
    }),
  );
});

test('below the last row is nothing', () => {
  expect(positionAt(AXIS_PX + 3 * ROW_PX, 0, 3)).toBe(-1);
  expect(rowsOnScreen(0, 400, 3)).toEqual([0, 3]);
  expect(rowsOnScreen(0, 0, 3)[1]).toBeLessThanOrEqual(0);
});
