import { signal } from '@preact/signals';
import { get } from '../api/client';
import type { LogLine, Tapped } from '../api/function-types';
import { follow } from '../api/live';
import { poll } from '../api/repeat';
import type { Links } from '../api/types';

const LOG_POLL_MS = 2000;
/** As many lines as the server keeps. */
const MOST_LINES = 500;
/** So many reports of the tap are kept to be looked at. */
const MOST_TAPPED = 100;
/** The tap brings up to 20 reports a second; what changes so often can't be read. */
const SHOW_MS = 250;

interface LogsBody {
  _links: Links<'self', 'next'>;
  _embedded: { lines: LogLine[] };
}

/** What a function logs, oldest first. */
export class Logs {
  readonly lines = signal<readonly LogLine[] | null>(null);
  readonly paused = signal(false);
  readonly problem = signal<Error | null>(null);

  constructor(private href: string) {}

  /** Asks for new lines now and then, until what is returned is called. */
  start(): () => void {
    return poll(() => this.refresh(), LOG_POLL_MS);
  }

  private async refresh(): Promise<void> {
    if (this.paused.value) return;
    try {
      const { _embedded, _links } = (await get<LogsBody>(this.href))!.body;
      this.href = _links.next?.href ?? this.href;
      this.problem.value = null;
      const known = this.lines.value;
      if (known !== null && _embedded.lines.length === 0) return;
      const last = known?.at(-1)?.seq ?? -1;
      const news = _embedded.lines.filter((line) => line.seq > last);
      this.lines.value = [...(known ?? []), ...news].slice(-MOST_LINES);
    } catch (error) {
      this.problem.value = error as Error;
      throw error;
    }
  }
}

/** A tapped report with a number of its own, by which it is known on the page. */
export interface Numbered extends Tapped {
  readonly number: number;
}

/** Reports as they pass a function, newest first. */
export class Tap {
  readonly reports = signal<readonly Numbered[]>([]);
  readonly connected = signal(false);
  readonly paused = signal(false);
  /** Only reports that hold these words are taken. */
  readonly filter = signal('');
  /** Whether those that come out as they went in are left out. */
  readonly changesOnly = signal(false);

  private waiting: Numbered[] = [];
  private number = 0;

  constructor(private readonly href: string) {}

  /** Listens until what is returned is called. */
  start(): () => void {
    const timer = setInterval(() => this.show(), SHOW_MS);
    const stop = follow<Tapped>(this.href, 'report', {
      event: (tapped) => this.hear(tapped),
      connected: () => (this.connected.value = true),
      lost: () => (this.connected.value = false),
    });
    return () => {
      clearInterval(timer);
      stop();
    };
  }

  private hear(tapped: Tapped): void {
    if (this.paused.value || !this.wanted(tapped)) return;
    this.number += 1;
    this.waiting.push({ ...tapped, number: this.number });
  }

  private show(): void {
    if (this.waiting.length === 0) return;
    this.reports.value = [...this.waiting.reverse(), ...this.reports.value].slice(0, MOST_TAPPED);
    this.waiting = [];
  }

  private wanted(tapped: Tapped): boolean {
    const unchanged = tapped.outcome === 'kept' || tapped.outcome === 'not concerned';
    return !(this.changesOnly.value && unchanged) && tappedMatches(tapped, this.filter.value);
  }
}

/** Whether a report, before or after, holds all words of the filter, in any case. */
export function tappedMatches({ before, after, failure }: Tapped, filter: string): boolean {
  const text = JSON.stringify([before, after, failure?.message]).toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
