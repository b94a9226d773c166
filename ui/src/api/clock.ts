/**
 * The server's idea of now, carried on between answers by this machine's monotonic clock. A running bar
 * grows by the server's time, so a wrong clock on the reader's machine does not show.
 */
export class Clock {
  private offsetMs: number | null = null;
  private precise = false;

  /**
   * @param monotonicMs reads a clock that never steps back
   * @param wallMs this machine's own idea of now, used until the server said something
   */
  constructor(
    private readonly monotonicMs: () => number,
    private readonly wallMs: () => number,
  ) {}

  /** Milliseconds since 1970. */
  now(): number {
    return this.offsetMs === null ? this.wallMs() : this.monotonicMs() + this.offsetMs;
  }

  /**
   * Takes an exact time that the server sent just now. An answer that was under way for longer looks like
   * an earlier time; the latest one heard is the best, and keeping it means that bars never shrink.
   * A step of more than 5 s is the server's clock being set.
   */
  hear(serverMs: number): void {
    const offset = serverMs - this.monotonicMs();
    const stepped = this.offsetMs === null || Math.abs(offset - this.offsetMs) > 5000;
    this.offsetMs = stepped || !this.precise ? offset : Math.max(this.offsetMs!, offset);
    this.precise = true;
  }

  /** Takes a time known to the second; used only until an exact one was heard, and where the clock was set. */
  hearRoughly(serverMs: number): void {
    const offset = serverMs - this.monotonicMs();
    if (this.offsetMs !== null && Math.abs(offset - this.offsetMs) <= 5000) return;
    this.offsetMs = offset;
    this.precise = false;
  }
}

/** The one clock of the page: it talks to one server. */
export const serverClock = new Clock(
  () => performance.now(),
  () => Date.now(),
);
