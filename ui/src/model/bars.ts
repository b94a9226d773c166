import type { BarsBody, Group, StateName, StatusName } from '../api/types';
import { parseInstant } from './time';

/** What a row is: an implied ancestor or several hosts; a step; a point in time. */
export const Kind = { group: 0, span: 1, point: 2 } as const;
/** How far a row is; `waiting` means that its end is known and its start never came. */
export const State = { waiting: 0, running: 1, ended: 2, failed: 3, unfinished: 4 } as const;

const STATE_NAMES: readonly StateName[] = ['waiting', 'running', 'ended', 'failed', 'unfinished'];
const STATUS_NAMES: readonly (StatusName | null)[] = [
  null,
  'skipped',
  'success',
  'cancelled',
  'timeout',
  'failure',
  'error',
];

/**
 * A whole timeline, one entry a row, in pre-order (a parent comes before its children, a subtree is one
 * run of rows). Columns are typed arrays and there is no object per row: 100,000 rows are walked in about
 * a millisecond. Times are seconds from `originMs`; NaN is "not known".
 */
export interface Bars {
  readonly group: Group;
  readonly revision: number;
  readonly state: StateName;
  /** Milliseconds since 1970 of second 0. */
  readonly originMs: number;
  /** Seconds from the origin to the last thing known; at least 0. */
  readonly extent: number;
  readonly count: number;
  readonly label: readonly string[];
  readonly name: readonly string[];
  readonly hosts: readonly string[];
  /** Index into `hosts`; -1: several hosts or none of its own. */
  readonly host: Int32Array;
  /** The host that tells rows of one name apart: their own, or by host that of the top row; -1: none does. */
  readonly owner: Int32Array;
  readonly depth: Uint16Array;
  /** Row of the parent; -1 at the top. */
  readonly parent: Int32Array;
  readonly kind: Uint8Array;
  readonly rowState: Uint8Array;
  readonly status: Uint8Array;
  readonly start: Float64Array;
  readonly restart: Float64Array;
  readonly end: Float64Array;
  /** Number of events in the subtree, the row's own included. */
  readonly leaves: Int32Array;
  /** The row after the last descendant: the subtree of `row` is `row .. subtreeEnd[row] - 1`. */
  readonly subtreeEnd: Int32Array;
  readonly runningCount: number;
  /** The templated address of one event's resource. */
  readonly eventHref: string;
}

/** Decodes the columns. Throws where they are not what the API promises: a wrong picture would mislead. */
export function decodeBars(body: BarsBody): Bars {
  const { rows } = body;
  const count = rows.label.length;
  for (const [name, column] of Object.entries(rows)) {
    if (column.length !== count)
      throw new RangeError(`column ${name} has ${column.length} rows, not ${count}`);
  }
  const parent = Int32Array.from(rows.parent);
  const host = Int32Array.from(rows.host);
  const state = Uint8Array.from(rows.state);
  const start = times(rows.start_s);
  const end = times(rows.end_s);
  return {
    group: body.group,
    revision: body.revision,
    state: body.state,
    originMs: body.origin === null ? parseInstant(body.now) : parseInstant(body.origin),
    extent: lastTime(start, end, body.duration_s ?? 0),
    count,
    label: rows.label,
    name: rows.name,
    hosts: body.hosts,
    host,
    owner: body.group === 'host' ? inherited(host, parent) : host,
    depth: Uint16Array.from(rows.depth),
    parent,
    kind: Uint8Array.from(rows.kind),
    rowState: state,
    status: Uint8Array.from(rows.status),
    start,
    restart: times(rows.restart_s),
    end,
    leaves: Int32Array.from(rows.leaves),
    subtreeEnd: subtreeEnds(parent),
    runningCount: state.reduce((sum, each) => sum + (each === State.running ? 1 : 0), 0),
    eventHref: body._links.event.href,
  };
}

function times(column: readonly (number | null)[]): Float64Array {
  return Float64Array.from(column, (value) => value ?? NaN);
}

function lastTime(start: Float64Array, end: Float64Array, atLeast: number): number {
  let last = atLeast;
  for (let row = 0; row < start.length; row++) {
    if (start[row] > last) last = start[row];
    if (end[row] > last) last = end[row];
  }
  return last;
}

/** Each row's own value, or where that is -1 the one of the nearest row above that has one. */
function inherited(own: Int32Array, parent: Int32Array): Int32Array {
  const values = own.slice();
  for (let row = 0; row < values.length; row++) {
    if (values[row] < 0 && parent[row] >= 0) values[row] = values[parent[row]];
  }
  return values;
}

function subtreeEnds(parent: Int32Array): Int32Array {
  const ends = new Int32Array(parent.length);
  for (let row = parent.length - 1; row >= 0; row--) {
    if (ends[row] === 0) ends[row] = row + 1;
    const above = parent[row];
    if (above >= row) throw new RangeError(`row ${row} comes before its parent ${above}`);
    // Backwards, the last child of a parent is seen first.
    if (above >= 0 && ends[above] === 0) ends[above] = ends[row];
  }
  return ends;
}

export function hasChildren(bars: Bars, row: number): boolean {
  return bars.subtreeEnd[row] > row + 1;
}

/** A group row that stands for one event on several hosts: its children repeat its name. */
export function isHostGroup(bars: Bars, row: number): boolean {
  return hasChildren(bars, row) && bars.name[row] !== '' && bars.name[row + 1] === bars.name[row];
}

export function hostOf(bars: Bars, row: number): string {
  const index = bars.host[row];
  return index < 0 ? '' : bars.hosts[index];
}

export function stateOf(bars: Bars, row: number): StateName {
  return STATE_NAMES[bars.rowState[row]];
}

export function statusOf(bars: Bars, row: number): StatusName | null {
  return STATUS_NAMES[bars.status[row]];
}

/** Where the bar of `row` begins, seconds from the origin; a start that never came leaves the end. NaN: nowhere. */
export function barStart(bars: Bars, row: number): number {
  const start = bars.start[row];
  return Number.isNaN(start) ? bars.end[row] : start;
}

/**
 * Where the bar of `row` ends when it is `now`, both seconds from the origin. What runs reaches to now,
 * also when an earlier try ended; what will not end reaches to the last thing known of the timeline.
 */
export function barEnd(bars: Bars, row: number, now: number): number {
  if (bars.rowState[row] === State.running) return Math.max(now, barStart(bars, row));
  const end = bars.end[row];
  if (!Number.isNaN(end)) return end;
  return bars.kind[row] === Kind.point ? bars.start[row] : bars.extent;
}

/** How long `row` took or has taken so far, seconds; NaN where that can't be said (points, no start, no end). */
export function duration(bars: Bars, row: number, now: number): number {
  const state = bars.rowState[row];
  if (bars.kind[row] === Kind.point || state === State.waiting) return NaN;
  if (state === State.unfinished && Number.isNaN(bars.end[row])) return NaN;
  return barEnd(bars, row, now) - bars.start[row];
}

/** What makes a row the same row in the next answer. */
export interface RowKey {
  readonly name: string;
  /** Null: the row is not of one host, which is not the same as the host that was not given. */
  readonly host: string | null;
}

export function keyOf(bars: Bars, row: number): RowKey {
  return { name: bars.name[row], host: ownerOf(bars, row) };
}

/** A key as text, to be kept in a set. NUL occurs in no name and no host. */
export function keyText(bars: Bars, row: number): string {
  return `${bars.name[row]}\0${ownerOf(bars, row) ?? '\0'}`;
}

/** The row that `key` is in `bars`, or -1. */
export function findRow(bars: Bars, key: RowKey): number {
  for (let row = 0; row < bars.count; row++) {
    if (bars.name[row] === key.name && ownerOf(bars, row) === key.host) return row;
  }
  return -1;
}

function ownerOf(bars: Bars, row: number): string | null {
  const index = bars.owner[row];
  return index < 0 ? null : bars.hosts[index];
}
