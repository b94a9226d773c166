import { batch, signal } from '@preact/signals';
import { entry, get, OfflineError, RefusedError, timelineHref } from '../api/client';
import { follow } from '../api/live';
import { backoffMs, Throttle } from '../api/repeat';
import { withQuery } from '../api/template';
import type { BarsBody, Change, Group, Timeline } from '../api/types';
import { decodeBars, type Bars } from '../model/bars';
import { serverClock } from '../api/clock';
import { parseInstant } from '../model/time';

/** At most about two answers a second are asked for. */
const REFRESH_GAP_MS = 500;

/**
 * One timeline as the server tells it, kept fresh from the first `refreshNow` to `close`: the stream says that something
 * changed, and then what is shown is asked for again as a whole, unless it is the same.
 */
export class TimelineData {
  readonly timeline = signal<Timeline | null>(null);
  readonly bars = signal<Bars | null>(null);
  /** Why what is shown is not there or may be old, or null. OfflineError: it is tried again. */
  readonly problem = signal<Error | null>(null);
  /** Number of the context's newest timeline, as far as known. */
  readonly newest = signal<number | null>(null);

  private readonly refresher = new Throttle(() => this.refresh(), REFRESH_GAP_MS);
  private readonly aborter = new AbortController();
  private unfollow: (() => void) | null = null;
  private followed: string | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private tags: { timeline: string | null; bars: string | null; barsHref: string } = {
    timeline: null,
    bars: null,
    barsHref: '',
  };

  /**
   * @param run a timeline's number, or `latest` to move on to each newer one
   * @param group how the rows are wanted, at each request
   */
  constructor(
    private readonly context: string,
    private readonly run: number | 'latest',
    private readonly group: () => Group,
  ) {}

  /** Asks at once: at the beginning, and when the person wants something else to be shown. */
  refreshNow(): void {
    this.refresher.askNow();
  }

  close(): void {
    this.aborter.abort();
    this.refresher.stop();
    clearTimeout(this.retry);
    this.unfollow?.();
  }

  private async refresh(): Promise<void> {
    clearTimeout(this.retry);
    try {
      await this.load();
      this.failures = 0;
      this.problem.value = null;
    } catch (error) {
      if (this.aborter.signal.aborted) return;
      // What is on the screen stays there: an error later on must not take the picture away.
      this.problem.value = error as Error;
      if (!(error instanceof OfflineError)) return;
      this.failures += 1;
      this.retry = setTimeout(() => this.refresher.askNow(), backoffMs(this.failures));
    }
  }

  private async load(): Promise<void> {
    const { signal } = this.aborter;
    const href = timelineHref(await entry(), this.context, this.run);
    const answer = await get<Timeline>(href, { etag: this.tags.timeline, signal });
    const timeline = answer?.body ?? this.timeline.value!;
    const barsHref = withQuery(timeline._links.bars.href, 'group', this.group());
    const etag = barsHref === this.tags.barsHref ? this.tags.bars : null;
    const barsAnswer = await get<BarsBody>(barsHref, { etag, signal });
    batch(() => {
      this.timeline.value = timeline;
      // Only now that it is kept: "not modified" must never stand for something that was lost.
      if (answer !== null) this.tags.timeline = answer.etag;
      this.newest.value = Math.max(timeline.number, this.newest.value ?? 0);
      if (barsAnswer !== null) this.take(barsAnswer.body, barsAnswer.etag, barsHref);
    });
    this.followStream(timeline._links.stream.href);
  }

  private take(body: BarsBody, etag: string | null, barsHref: string): void {
    serverClock.hear(parseInstant(body.now));
    this.tags.bars = etag;
    this.tags.barsHref = barsHref;
    this.bars.value = decodeBars(body);
  }

  private followStream(href: string): void {
    if (this.followed === href) return;
    this.followed = href;
    this.unfollow?.();
    // The server tells where things stand at once on connecting, so nothing is missed between two connections.
    this.unfollow = follow<Change>(href, 'change', {
      event: (change) => this.hear(change),
      connected: () => this.hearConnection(),
      lost: (error) => this.hearLoss(error),
    });
  }

  /** Once the stream is back it tells at once what changed meanwhile. */
  private hearConnection(): void {
    if (this.problem.value instanceof OfflineError) this.problem.value = null;
  }

  /** Without the stream nothing tells of changes. */
  private hearLoss(error: Error): void {
    if (error instanceof RefusedError) this.problem.value = error;
    else this.problem.value ??= new OfflineError('connection lost');
  }

  private hear(change: Change): void {
    this.newest.value = change.latest;
    const shown = this.bars.value;
    const changed = shown === null || shown.revision !== change.revision || shown.state !== change.state;
    const movedOn = this.run === 'latest' && change.latest !== this.timeline.value?.number;
    if (changed || movedOn) this.refresher.ask();
  }
}
