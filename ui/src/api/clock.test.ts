import { expect, test } from 'vitest';
import { Clock } from './clock';

function clockAt() {
  const machine = { monotonic: 0, wall: 1_000_000 };
  const clock = new Clock(
    () => machine.monotonic,
    () => machine.wall,
  );
  return { machine, clock };
}

test('is the machine’s own until the server spoke, and the server’s after', () => {
  const { machine, clock } = clockAt();
  expect(clock.now()).toBe(1_000_000);
  clock.hear(5_000_000);
  machine.monotonic = 250;
  expect(clock.now()).toBe(5_000_250);
});

test('an answer that took longer does not turn it back', () => {
  const { machine, clock } = clockAt();
  clock.hear(5_000_000);
  machine.monotonic = 1000;
  clock.hear(5_000_700);
  expect(clock.now()).toBe(5_001_000);
});

test('follows a server whose clock was set', () => {
  const { clock } = clockAt();
  clock.hear(5_000_000);
  clock.hear(4_900_000);
  expect(clock.now()).toBe(4_900_000);
});

test('an exact time wins over a rough one', () => {
  const { clock } = clockAt();
  clock.hearRoughly(5_000_500);
  clock.hear(5_000_100);
  clock.hearRoughly(5_000_900);
  expect(clock.now()).toBe(5_000_100);
});
