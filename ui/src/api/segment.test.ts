import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contextOfSegment, contextSegment } from './segment';

test.each([
  ['deploy of shop', 'deploy%20of%20shop'],
  ['a/b', 'a%2Fb'],
  ['.', 'name:.'],
  ['..', 'name:..'],
  ['...', '...'],
  ['name:x', 'name:name%3Ax'],
  ['name:', 'name:name%3A'],
])('%s is written as %s', (context, segment) => {
  expect(contextSegment(context)).toBe(segment);
  expect(contextOfSegment(segment)).toBe(context);
});

test.each(['', 'name:', '%zz'])('"%s" names no context', (segment) => {
  expect(contextOfSegment(segment)).toBeNull();
});

const contexts = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1 }),
  fc.stringMatching(/^(name:)?[./%]{1,3}$/),
);

test('any context can be reached: an address is not changed on its way through a browser', () => {
  fc.assert(
    fc.property(contexts, (context) => {
      const path = `/c/${contextSegment(context)}/7`;
      expect(new URL(path, 'http://host/').pathname).toBe(path);
      expect(contextOfSegment(contextSegment(context))).toBe(context);
    }),
  );
});
