import type { Report } from './server';

type More = Partial<Pick<Report, 'host' | 'status' | 'labels'>>;

/** The reports of one run, in seconds from its begin: an hour ago, or another moment (ms since 1970). */
export class Run {
  readonly reports: Report[] = [];

  constructor(
    private readonly context: string,
    private readonly timeline?: string,
    private readonly begin = Date.now() - 3_600_000,
  ) {}

  new(labels: Record<string, string> = {}): this {
    return this.add('new', undefined, 0, { labels });
  }

  step(name: string, from: number, to: number, more: More = {}): this {
    const { status = 'success', ...rest } = more;
    return this.start(name, from, rest).end(name, to, { ...rest, labels: {}, status });
  }

  start(name: string, at: number, more: More = {}): this {
    return this.add('start', name, at, more);
  }

  end(name: string, at: number, more: More = {}): this {
    return this.add('end', name, at, more);
  }

  point(name: string, at: number, more: More = {}): this {
    return this.add('point', name, at, more);
  }

  private add(type: Report['type'], name: string | undefined, at: number, more: More): this {
    const { context, timeline } = this;
    const time = new Date(this.begin + at * 1000).toISOString();
    const named = { ...(name !== undefined && { name }), ...(timeline !== undefined && { timeline }) };
    this.reports.push({ context, type, time, ...named, ...more });
    return this;
  }
}
