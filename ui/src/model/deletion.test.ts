import { expect, test } from 'vitest';
import { contextDeletionText, runDeletionText } from './deletion';

test('says what goes with a run', () => {
  expect(runDeletionText({ events: 318, running: 0 }, false)).toBe(
    'With it go its 318 events, for good. No other run gets its number.',
  );
  expect(runDeletionText({ events: 1, running: 1 }, true)).toBe(
    'With it go its 1 event, for good. 1 step still runs. It is the newest run: the next report begins it anew, under its number.',
  );
  expect(runDeletionText({ events: 0, running: 0 }, false)).toBe(
    'It has no events. No other run gets its number.',
  );
});

test('says what goes with a context', () => {
  expect(contextDeletionText(2, false)).toContain('With it go its 2 runs, for good');
  expect(contextDeletionText(100, true)).toContain('With it go its more than 100 runs, for good');
});
