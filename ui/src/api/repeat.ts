import { OfflineError } from './client';

/** Calls back when the page is hidden or shown again. Returns what stops it. */
export function onVisibility(react: (visible: boolean) => void): () => void {
  const listener = () => react(document.visibilityState === 'visible');
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
}

/** The wait before try number `failures` + 1, in ms: doubles from one second to ten, spread by a quarter. */
export function backoffMs(failures: number): number {
  const base = Math.min(10_000, 1000 * 2 ** Math.max(0, failures - 1));
  return base * (0.75 + Math.random() * 0.5);
}

/**
 * Runs `task` now and then every `everyMs`, one at a time, not while the page is hidden and at once when
 * it is shown again. `task` says by throwing OfflineError that it should be tried again more slowly; any
 * other error ends the polling. Returns what stops it.
 */
export function poll(task: () => Promise<void>, everyMs: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  let running = false;
  let failures = 0;

  const run = async () => {
    if (running || stopped || document.visibilityState === 'hidden') return;
    running = true;
    try {
      await task();
      failures = 0;
    } catch (error) {
      if (!(error instanceof OfflineError)) stopped = true;
      failures += 1;
    }
    running = false;
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(run, failures === 0 ? everyMs : backoffMs(failures));
  };

  const unlisten = onVisibility((visible) => {
    if (visible) void run();
  });
  void run();
  return () => {
    stopped = true;
    clearTimeout(timer);
    unlisten();
  };
}

/**
 * Runs `task` when asked, one at a time and no more often than `gapMs` allows; what is asked for while it
 * runs or rests is done once, after that. The gap stretches to five times what the last run took, so that
 * a large timeline can't keep the page busy.
 */
export class Throttle {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wanted = false;
  private busy = false;
  private stopped = false;
  private notBefore = 0;

  constructor(
    private readonly task: () => Promise<void>,
    private readonly gapMs: number,
  ) {}

  /** Asks for a run. */
  ask(): void {
    this.wanted = true;
    this.next();
  }

  /** Asks for a run without the wait, for what a person did. */
  askNow(): void {
    this.notBefore = 0;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.ask();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private next(): void {
    if (!this.wanted || this.busy || this.stopped || this.timer !== undefined) return;
    const wait = this.notBefore - performance.now();
    if (wait <= 0) {
      void this.run();
      return;
    }
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.next();
    }, wait);
  }

  private async run(): Promise<void> {
    this.wanted = false;
    this.busy = true;
    const began = performance.now();
    await this.task();
    const ended = performance.now();
    this.notBefore = began + Math.max(this.gapMs, 5 * (ended - began));
    this.busy = false;
    this.next();
  }
}
