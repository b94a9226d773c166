import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatAgo, formatDuration, formatGrowing, formatOffset, formatTimeOfDay, plural } from './format';
import { linesWithHidden, visibleText } from './text';
import { parseInstant } from './time';

test.each([
  [0, '0 s'],
  [0.0000125, '13 µs'],
  [0.34, '340 ms'],
  [0.00123, '1.23 ms'],
  [0.99999, '1.00 s'],
  [12.44, '12.4 s'],
  [59.99, '1m 00s'],
  [90, '1m 30s'],
  [3599.9, '1h 00m'],
  [7500, '2h 05m'],
  [86_399, '1d 00h'],
  [273_600, '3d 04h'],
  [-1.5, '−1.50 s'],
  [NaN, ''],
])('%d s is %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test('never says 60 of a unit', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e7, noNaN: true }), (seconds) => {
      expect(formatDuration(seconds)).not.toMatch(/(?<![\d.])60 ?[ms]|\b1000 |24h/);
    }),
  );
});

test('what grows moves once a second', () => {
  expect(formatGrowing(3.99)).toBe('3 s');
  expect(formatGrowing(119.9)).toBe('1m 59s');
});

test.each([
  [0, 30, '0'],
  [30, 30, '30s'],
  [90, 30, '1m 30s'],
  [120, 30, '2m'],
  [3600, 900, '1h'],
  [724.25, 0.05, '12m 4.25s'],
  [0.35, 0.05, '350ms'],
  [0.0005, 0.0005, '0.5ms'],
  [-60, 60, '−1m'],
  [90_000, 3600, '1d 1h'],
])('%d s at steps of %d s reads %s', (seconds, step, text) => {
  expect(formatOffset(seconds, step)).toBe(text);
});

test('reads microseconds and writes them', () => {
  const ms = parseInstant('2026-11-22T14:00:30.000250Z');
  expect(ms).toBeCloseTo(Date.UTC(2026, 10, 22, 14, 0, 30) + 0.25, 3);
  expect(formatTimeOfDay(ms, 1e-6)).toMatch(/:30\.000250$/);
  expect(formatTimeOfDay(ms, 1)).toMatch(/:30$/);
  expect(parseInstant('yesterday')).toBeNaN();
});

test('says how long ago, and how many', () => {
  expect(formatAgo(3)).toBe('just now');
  expect(formatAgo(190)).toBe('3 min ago');
  expect(plural(1, 'event')).toBe('1 event');
  expect(plural(3, 'match', 'matches')).toBe('3 matches');
});

test('hidden characters become marks, others stay', () => {
  expect(visibleText('a\u202Eb')).toBe('a⟨U+202E⟩b');
  expect(visibleText('a\nb\x7f')).toBe('a\u240Ab\u2421');
  expect(visibleText('zażółć 日本 👩‍🚀')).toBe('zażółć 日本 👩‍🚀');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(visibleText(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});

test('lines with hidden characters are found, but not those that lay out code', () => {
  expect(linesWithHidden('a\tb\r\nif x\u202e then\nc\u200b\nd')).toEqual([2, 3]);
  expect(linesWithHidden('\tplain\n')).toEqual([]);
});
