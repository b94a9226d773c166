import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CanaryPlan, Counts, FunctionResource, LastError, OnError } from '../api/function-types';
import {
  activationText,
  canaryText,
  changedOf,
  contextsText,
  deletionText,
  failedOf,
  failedText,
  formatBytes,
  formatMicros,
  formatShare,
  formatShort,
  goesOnText,
  orderText,
  seesReports,
  seesRequests,
  stateText,
} from './functions';

const counts: Counts = {
  received: 100,
  kept: 60,
  changed: 20,
  dropped: 5,
  expanded: 5,
  made: 12,
  skipped: 0,
  failed: { error: 4, time: 3, memory: 2, output: 1 },
  requests: 9,
  requests_refused: 1,
  requests_failed: 2,
  requests_made: 12,
};

test('sums up what came out other and what failed', () => {
  expect([changedOf(counts), failedOf(counts)]).toEqual([25, 10]);
});

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1.0k'],
  [12_345, '12.3k'],
  [99_950, '100k'],
  [999_499, '999k'],
  [999_500, '1.0M'],
  [4_500_000_000, '4.5G'],
])('%d reports are %s', (value, text) => {
  expect(formatShort(value)).toBe(text);
});

test('a short number has at most three figures and a unit', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000_000_000), (value) => {
      expect(formatShort(value)).toMatch(/^(?:\d{1,3}|\d{1,2}\.\d[kMGT]|\d{3}[kMGT])$/);
    }),
  );
});

test.each([
  [null, '–'],
  [0, '0 µs'],
  [0.413, '0.41 µs'],
  [0.996, '1.0 µs'],
  [2, '2.0 µs'],
  [9.96, '10 µs'],
  [999.6, '1.0 ms'],
  [9_960, '10 ms'],
])('%d µs are %s', (us, text) => {
  expect(formatMicros(us)).toBe(text);
});

test.each([
  [0, 10, '0 %'],
  [0, 0, '0 %'],
  [1, 1, '100 %'],
  [0.1, 1, '10 %'],
  [0.05, 1, '5 %'],
  [5, 2_000, '0.3 %'],
  [1, 1e7, '0.01 %'],
])('%d of %d is %s', (part, whole, text) => {
  expect(formatShare(part, whole)).toBe(text);
});

test.each([
  [812, '812 B'],
  [1536, '1.5 KiB'],
  [123_456, '121 KiB'],
  [1024 * 1024 - 1, '1 MiB'],
  [16 * 1024 * 1024, '16 MiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('no contexts means all', () => {
  const settings = { order: 10, contexts: [] as string[], on_error: 'pass' as const };
  expect(contextsText(settings)).toBe('all');
  expect(contextsText({ ...settings, contexts: ['deploy-*', 'build'] })).toBe('deploy-*, build');
});

const canary: CanaryPlan = { version: 4, share: 0.1, by: 'host', shadow: false, max_error_rate: 0.05 };
const fn = (part: object) =>
  ({ active: 3, versions: 5, canary: null, dead_letters: 0, ...part }) as FunctionResource;

test('what will happen is said before it does', () => {
  expect(canaryText(canary)).toBe(
    'Version 4 takes the reports of 10 % of the hosts in place of the active one. Above 5 % of failures it is rolled back by itself. ' +
      'That is judged from 50 reports on: those of the last minute or, where few come, all since it began.',
  );
  expect(canaryText({ ...canary, shadow: true })).toContain('only the results are compared');
  expect(activationText(fn({}), 5)).toMatch(
    /^Version 5 takes the reports in place of version 3\. All servers/,
  );
  expect(activationText(fn({ canary }), 4)).toContain('The canary (version 4) ends.');
  expect(activationText(fn({ active: null }), 2)).toMatch(/^Version 2 starts to take reports\./);
  expect(deletionText(fn({ dead_letters: 1 }))).toMatch(
    /^With it go its 5 versions and 1 dead letter, for good\./,
  );
});

test('what goes on of a report on which a version failed', () => {
  expect(goesOnText([])).toBe('By its settings nothing goes on.');
  expect(goesOnText([{ context: 'deploy', type: 'start' }])).toBe(
    'By its settings the report goes on unchanged.',
  );
});

test('the order of a list is told of those that reports pass', () => {
  const [both, hook] = [fn({ entry_points: ['transform', 'receive'] }), fn({ entry_points: ['receive'] })];
  expect(orderText([both])).toBe('Each report passes them from top to bottom.');
  expect(orderText([both, hook])).toContain('so do the reports that the others make of requests');
  expect(orderText([hook])).toBe('They make reports of requests.');
});

test.each([
  [['transform'], true, false],
  [['receive'], false, true],
  [['transform', 'receive'], true, true],
  // One that does not run is taken for one that reports pass.
  [[], true, false],
])('a function with the entry points %j', (entry_points, reports, requests) => {
  const it = fn({ entry_points });
  expect([seesReports(it), seesRequests(it)]).toEqual([reports, requests]);
});

test.each<[string[], OnError, string]>([
  [['transform'], 'pass', 'reports go on unchanged'],
  [['transform'], 'drop', 'reports are dropped'],
  [['transform'], 'dead-letter', 'reports become dead letters'],
  [['receive'], 'drop', 'requests are turned away'],
  [['transform', 'receive'], 'pass', 'reports go on unchanged, or requests are turned away'],
])('while one with %j and %s rests, %s', (entry_points, on_error, text) => {
  const settings = { order: 1, contexts: [], on_error };
  expect(stateText(fn({ state: 'resting', entry_points, settings }))).toBe(
    `It failed again and again, so it rests for a few seconds: ${text}. Then it is tried again.`,
  );
});

const report = { context: 'deploy', type: 'start' };
const request = (method: string) => ({ method, path: '/', body: '{}', size: 2 });

test.each<[Partial<LastError>, OnError, string]>([
  [{ report }, 'pass', 'The report went on unchanged.'],
  [{ report }, 'drop', 'The report was dropped.'],
  [{ report }, 'dead-letter', 'The report became a dead letter.'],
  [{ request: request('POST') }, 'drop', 'The sender of the request was told, and nothing was taken of it.'],
  [{ request: request('UDP') }, 'pass', 'Nothing was taken of the datagram.'],
  [{}, 'drop', ''],
])('of the failure %j with %s it is said: %s', (part, on_error, text) => {
  const error: LastError = { cause: 'error', message: '', at: '', report: null, request: null, ...part };
  expect(failedText(error, { order: 1, contexts: [], on_error })).toBe(text);
});
