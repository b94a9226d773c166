import { hasChildren, hostOf, keyText, Kind, State, type Bars } from './bars';

/**
 * Which rows are folded, said in little: all rows at `level` or deeper, except that those in `toggled`
 * are the other way round. So "collapse all" costs nothing, survives a refetch and holds for new rows too.
 */
export interface Fold {
  readonly level: number;
  /** Rows by `keyText`. */
  readonly toggled: ReadonlySet<string>;
}

export const OPEN: Fold = { level: Infinity, toggled: new Set() };

/** One byte a row: 1 where the children are hidden. */
export function foldedRows(bars: Bars, fold: Fold): Uint8Array {
  const folded = new Uint8Array(bars.count);
  for (let row = 0; row < bars.count; row++) {
    if (!hasChildren(bars, row)) continue;
    const byLevel = bars.depth[row] >= fold.level;
    const toggled = fold.toggled.size > 0 && fold.toggled.has(keyText(bars, row));
    folded[row] = byLevel !== toggled ? 1 : 0;
  }
  return folded;
}

/** `fold` with the rows given turned round. */
export function toggle(fold: Fold, bars: Bars, rows: Iterable<number>): Fold {
  const toggled = new Set(fold.toggled);
  for (const row of rows) {
    const key = keyText(bars, row);
    if (!toggled.delete(key)) toggled.add(key);
  }
  return { level: fold.level, toggled };
}

/** The deepest level at which something can be folded, plus one: at this level all is open. */
export function levels(bars: Bars): number {
  let deepest = 0;
  for (let row = 0; row < bars.count; row++) {
    if (hasChildren(bars, row) && bars.depth[row] >= deepest) deepest = bars.depth[row] + 1;
  }
  return deepest;
}

/** Why a row is in a filtered list, as bits. */
export const Found = { itself: 1, below: 2, above: 4 } as const;

/**
 * Marks the rows that a query finds, what holds them and what they hold. Words are separated by spaces
 * and all must occur in a row's name, label or host, in any case; `is:failed` and its like ask for events in
 * a state, and then what is below such an event does not count as found with it.
 * Returns null for a query without words.
 */
export function findRows(bars: Bars, query: string): { found: Uint8Array; count: number } | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  const states = words.filter((word) => word.startsWith('is:')).map((word) => stateNamed(word.slice(3)));
  const texts = words.filter((word) => !word.startsWith('is:'));
  const found = new Uint8Array(bars.count);
  let count = 0;
  for (let row = 0; row < bars.count; row++) {
    if (isEventIn(bars, row, states) && holdsAll(bars, row, texts)) {
      found[row] = Found.itself;
      count++;
    }
    const parent = bars.parent[row];
    if (states.length === 0 && parent >= 0 && found[parent] & (Found.itself | Found.above))
      found[row] |= Found.above;
  }
  for (let row = bars.count - 1; row >= 0; row--) {
    const parent = bars.parent[row];
    if (parent >= 0 && found[row] & (Found.itself | Found.below)) found[parent] |= Found.below;
  }
  return { found, count };
}

function isEventIn(bars: Bars, row: number, states: readonly number[]): boolean {
  if (states.length === 0) return true;
  return bars.kind[row] !== Kind.group && states.every((state) => state === bars.rowState[row]);
}

function stateNamed(name: string): number {
  return (State as Record<string, number | undefined>)[name] ?? -1;
}

function holdsAll(bars: Bars, row: number, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = `${bars.name[row]}\0${bars.label[row]}\0${hostOf(bars, row)}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/**
 * The rows that are listed, in order: one pass that steps over folded subtrees. A row that holds
 * something found is listed open, whatever its fold.
 */
export function visibleRows(bars: Bars, folded: Uint8Array, found: Uint8Array | null): Int32Array {
  const rows = new Int32Array(bars.count);
  let length = 0;
  let row = 0;
  while (row < bars.count) {
    if (found !== null && found[row] === 0) {
      row = bars.subtreeEnd[row];
      continue;
    }
    rows[length++] = row;
    row = isShut(folded, found, row) ? bars.subtreeEnd[row] : row + 1;
  }
  return rows.subarray(0, length);
}

/** Whether the children of `row` are hidden as it is listed now. */
export function isShut(folded: Uint8Array, found: Uint8Array | null, row: number): boolean {
  return folded[row] === 1 && !(found !== null && (found[row] & Found.below) !== 0);
}

/** Where `row` is in an ascending list of rows, or -1. */
export function positionOf(rows: Int32Array, row: number): number {
  const position = firstAtLeast(rows, row);
  return position < rows.length && rows[position] === row ? position : -1;
}

/** The first position in an ascending list that holds `row` or a later one. */
export function firstAtLeast(rows: Int32Array, row: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle] < row) low = middle + 1;
    else high = middle;
  }
  return low;
}
