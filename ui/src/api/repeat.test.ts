import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { backoffMs, Throttle } from './repeat';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

test('a burst of requests is one run at once and one after the gap', async () => {
  let runs = 0;
  const throttle = new Throttle(async () => void runs++, 500);
  for (let i = 0; i < 10; i++) throttle.ask();
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(499);
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(2);
  expect(runs).toBe(2);
  await vi.advanceTimersByTimeAsync(5000);
  expect(runs).toBe(2);
});

test('a slow run stretches the gap', async () => {
  let runs = 0;
  const slow = () => {
    runs++;
    return new Promise<void>((done) => setTimeout(done, 400));
  };
  const throttle = new Throttle(slow, 500);
  throttle.ask();
  throttle.ask();
  await vi.advanceTimersByTimeAsync(1990);
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(20);
  expect(runs).toBe(2);
});

test('a person does not wait, and a stopped one does not run', async () => {
  let runs = 0;
  const throttle = new Throttle(async () => void runs++, 500);
  throttle.ask();
  await vi.advanceTimersByTimeAsync(1);
  throttle.askNow();
  expect(runs).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  throttle.ask();
  throttle.stop();
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toBe(2);
});

test('the wait after failures grows to a limit', () => {
  expect(backoffMs(1)).toBeLessThanOrEqual(1250);
  expect(backoffMs(50)).toBeLessThanOrEqual(12_500);
  expect(backoffMs(50)).toBeGreaterThanOrEqual(7500);
});
