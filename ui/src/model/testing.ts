import type { BarsBody } from '../api/types';
import { decodeBars, type Bars } from './bars';

/** A row of a test's timeline: its parent is the last row above it with a smaller depth. */
export interface TestRow {
  name: string;
  depth?: number;
  host?: number;
  kind?: number;
  state?: number;
  status?: number;
  start?: number | null;
  restart?: number | null;
  end?: number | null;
}

/** An answer of the API with these rows. */
export function barsBody(rows: readonly TestRow[], hosts: string[] = ['', 'web-1', 'web-2']): BarsBody {
  const depth = rows.map((row) => row.depth ?? 0);
  const parentOf = (index: number) => {
    let above = index - 1;
    while (above >= 0 && depth[above] >= depth[index]) above--;
    return above;
  };
  return {
    _links: { self: { href: '/b' }, timeline: { href: '/t' }, event: { href: '/e/{name}{?host}' } },
    context: 'deploy',
    number: 1,
    state: 'running',
    revision: 1,
    group: 'step',
    origin: '2026-11-22T14:00:00.000000Z',
    now: '2026-11-22T14:01:40.000000Z',
    duration_s: 100,
    hosts,
    rows: {
      label: rows.map((row) => row.name.split('.').at(-1)!),
      name: rows.map((row) => row.name),
      depth,
      parent: rows.map((_, index) => parentOf(index)),
      host: rows.map((row) => row.host ?? -1),
      kind: rows.map((row) => row.kind ?? 1),
      state: rows.map((row) => row.state ?? 2),
      status: rows.map((row) => row.status ?? 0),
      start_s: rows.map((row) => (row.start === undefined ? 0 : row.start)),
      restart_s: rows.map((row) => row.restart ?? null),
      end_s: rows.map((row) => (row.end === undefined ? 10 : row.end)),
      leaves: rows.map(() => 1),
    },
  };
}

export function testBars(rows: readonly TestRow[]): Bars {
  return decodeBars(barsBody(rows));
}
