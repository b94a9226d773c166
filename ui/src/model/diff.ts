import type { Report } from '../api/function-types';

/** A line of a difference; `place` says where the lines after it stand. */
export interface DiffLine {
  readonly kind: 'same' | 'removed' | 'added' | 'place';
  readonly text: string;
}

/** Reads the lines of a unified difference, with or without heads of files and hunks. */
export function readDiff(text: string): DiffLine[] {
  if (text === '') return [];
  const lines = text.replace(/\n$/, '').split('\n');
  return lines.map((line, at) => {
    if (line.startsWith('@@') || isFileHead(lines, at)) return { kind: 'place', text: line };
    if (line.startsWith('-')) return { kind: 'removed', text: line.slice(1) };
    if (line.startsWith('+')) return { kind: 'added', text: line.slice(1) };
    return { kind: 'same', text: line.replace(/^ /, '') };
  });
}

/** A removed comment of Lua looks like the head of a file, so a head is one only where its whole form is there. */
function isFileHead(lines: readonly string[], at: number): boolean {
  const from = lines[at].startsWith('--- ') ? at : at - 1;
  const [old, now, hunk] = [lines[from] ?? '', lines[from + 1] ?? '', lines[from + 2] ?? ''];
  return old.startsWith('--- ') && now.startsWith('+++ ') && hunk.startsWith('@@');
}

/** A field of a report: labels are `labels.KEY`. */
export interface Field {
  readonly key: string;
  readonly value: string;
}

export interface FieldChange {
  readonly key: string;
  /** Undefined: the field is not there. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const FIELDS = ['context', 'name', 'type', 'host', 'timeline', 'status', 'time'] as const;

/** What a report says, in one order. What is empty is left out. */
export function fieldsOf(report: Report): Field[] {
  const fields = FIELDS.flatMap((key) => (report[key] ? [{ key: key as string, value: report[key] }] : []));
  const labels = Object.entries(report.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return [...fields, ...labels.map(([key, value]) => ({ key: `labels.${key}`, value }))];
}

/** All fields of either report, each as it was and as it is. */
export function compareReports(before: Report, after: Report): FieldChange[] {
  const [old, now] = [before, after].map((report) => fieldsOf(report));
  const values = (fields: Field[]) => new Map(fields.map(({ key, value }) => [key, value]));
  const [was, is] = [values(old), values(now)];
  const order = (key: string) => (FIELDS as readonly string[]).indexOf(key.replace(/^labels\..*/s, '')) >>> 0;
  return [...new Set([...was.keys(), ...is.keys()])]
    .sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1))
    .map((key) => ({ key, before: was.get(key), after: is.get(key) }));
}

/** Whether two reports say the same. */
export function sameReport(a: Report, b: Report): boolean {
  return compareReports(a, b).every(({ before, after }) => before === after);
}
