import type {
  CanaryPlan,
  Cause,
  Counts,
  FunctionResource,
  LastError,
  OnError,
  Report,
  Settings,
} from '../api/function-types';
import { formatCount, plural } from './format';

/** The form of names that functions have. */
export const FUNCTION_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** Whether it makes reports of requests. */
export function seesRequests({ entry_points }: Pick<FunctionResource, 'entry_points'>): boolean {
  return entry_points.includes('receive');
}

/** Whether reports pass it. Of one that does not run nothing else is known. */
export function seesReports(fn: Pick<FunctionResource, 'entry_points'>): boolean {
  return fn.entry_points.includes('transform') || !seesRequests(fn);
}

/** What its state means, in a sentence for who has not read the docs. */
export function stateText(fn: Pick<FunctionResource, 'state' | 'entry_points' | 'settings'>): string {
  switch (fn.state) {
    case 'active':
      return seesReports(fn) ? 'Reports pass it, and it works.' : 'Requests come to it, and it works.';
    case 'disabled':
      return 'No version is active: reports pass by it untouched, and it takes no requests.';
    case 'resting':
      return `It failed again and again, so it rests for a few seconds: ${restText(fn)}. Then it is tried again.`;
    case 'failing':
      return 'More than 1 % of what came to it in the last minute failed.';
    case 'broken':
      return 'This server can’t load the active version.';
  }
}

const REST_TEXTS: Record<OnError, string> = {
  pass: 'reports go on unchanged',
  drop: 'reports are dropped',
  'dead-letter': 'reports become dead letters',
};

/** What becomes of what comes while it rests. It rests from reports and from requests each for itself. */
function restText(fn: Pick<FunctionResource, 'entry_points' | 'settings'>): string {
  const reports = seesReports(fn) ? [REST_TEXTS[fn.settings.on_error]] : [];
  const requests = seesRequests(fn) ? ['requests are turned away'] : [];
  return [...reports, ...requests].join(', or ');
}

/** What happens to a report on which a function fails. */
export const ON_ERROR_TEXTS: Record<OnError, string> = {
  pass: 'goes on unchanged',
  drop: 'is dropped',
  'dead-letter': 'is kept as a dead letter',
};

const FAILED_TEXTS: Record<OnError, string> = {
  pass: 'went on unchanged',
  drop: 'was dropped',
  'dead-letter': 'became a dead letter',
};

/** What became of that on which it failed, as a sentence; empty where that is not known. */
export function failedText({ report, request }: LastError, { on_error }: Settings): string {
  if (report !== null) return `The report ${FAILED_TEXTS[on_error]}.`;
  if (request === null) return '';
  return request.method === 'UDP'
    ? 'Nothing was taken of the datagram.'
    : 'The sender of the request was told, and nothing was taken of it.';
}

/** Why a report or a request failed. */
export const CAUSE_TEXTS: Record<Cause, string> = {
  error: 'an error in the code',
  time: 'it took too long',
  memory: 'it needed too much memory',
  output: 'what it returned is no report',
};

/** Reports that failed, whatever the cause. */
export function failedOf(counts: Counts): number {
  const { error, time, memory, output } = counts.failed;
  return error + time + memory + output;
}

/** Reports that came out other than they went in, but for those that were dropped. */
export function changedOf(counts: Counts): number {
  return counts.changed + counts.expanded;
}

/** `4.2 %`, `0.04 %`, `0 %`; of nothing it is `0 %`. */
export function formatShare(part: number, whole: number): string {
  if (part === 0 || whole === 0) return '0 %';
  const percent = (part / whole) * 100;
  const places = percent < 0.1 ? 2 : percent < 10 ? 1 : 0;
  return `${trimZeros(Math.max(percent, 0.01).toFixed(places))} %`;
}

/** A number in at most four figures: `998`, `12.3k`, `4.5M`, `2.1G`. */
export function formatShort(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let [scaled, unit] = [value, 0];
  // What would be rounded up to 1000 of a unit is one of the next.
  while (scaled >= (unit === 0 ? 1000 : 999.5) && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  if (unit === 0) return formatCount(value);
  return `${scaled < 99.95 ? scaled.toFixed(1) : scaled.toFixed(0)}${units[unit]}`;
}

/** Time of one report: `0.41 µs`, `12 µs`, `3.4 ms`. Not known is a dash. @param us microseconds */
export function formatMicros(us: number | null): string {
  if (us === null) return '–';
  if (us === 0) return '0 µs';
  if (us < 9.95) return `${us.toFixed(us < 0.995 ? 2 : 1)} µs`;
  if (us < 999.5) return `${us.toFixed(0)} µs`;
  return us < 9950 ? `${(us / 1000).toFixed(1)} ms` : `${(us / 1000).toFixed(0)} ms`;
}

/** `812 B`, `1.5 KiB`, `16 MiB`. @param bytes a whole number */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const [scaled, unit] = bytes < 1024 * 1023.95 ? [bytes / 1024, 'KiB'] : [bytes / 1024 ** 2, 'MiB'];
  return `${trimZeros(scaled.toFixed(scaled < 99.95 ? 1 : 0))} ${unit}`;
}

function trimZeros(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}

/** Which contexts a function applies to. */
export function contextsText(settings: Settings): string {
  return settings.contexts.length === 0 ? 'all' : settings.contexts.join(', ');
}

/** What a canary does, as a sentence. */
export function canaryText({ version, share, by, shadow, max_error_rate: limit }: CanaryPlan): string {
  const whom = `${formatShare(share, 1)} of the ${by}s`;
  const does = shadow
    ? `Version ${version} runs beside the active one for ${whom}; only the results are compared, and what is stored is the active one’s.`
    : `Version ${version} takes the reports of ${whom} in place of the active one.`;
  const judged =
    'That is judged from 50 reports on: those of the last minute or, where few come, all since it began.';
  return `${does} Above ${formatShare(limit, 1)} of failures it is rolled back by itself. ${judged}`;
}

/** What goes on of a report on which a version failed. */
export function goesOnText(reports: readonly Report[]): string {
  return reports.length === 0
    ? 'By its settings nothing goes on.'
    : 'By its settings the report goes on unchanged.';
}

/** In which order things pass the functions of a list, as a sentence. */
export function orderText(functions: readonly Pick<FunctionResource, 'entry_points'>[]): string {
  if (functions.every(seesReports)) return 'Each report passes them from top to bottom.';
  return functions.some(seesReports)
    ? 'Each report passes those that change reports, from top to bottom; so do the reports that the others make of requests.'
    : 'They make reports of requests.';
}

/** What a change of the active version does, for who is asked whether to do it. */
export function activationText(fn: FunctionResource, version: number): string {
  const goesOn = 'All servers that share the store run it within 2 seconds.';
  const before =
    fn.active === null
      ? `Version ${version} starts to take reports.`
      : `Version ${version} takes the reports in place of version ${fn.active}.`;
  const canary = fn.canary === null ? '' : ` The canary (version ${fn.canary.version}) ends.`;
  return `${before}${canary} ${goesOn} Version ${fn.active ?? version} can be activated again at any time.`;
}

/** What is gone once a function is deleted. */
export function deletionText(fn: FunctionResource): string {
  const letters = fn.dead_letters === 0 ? '' : ` and ${plural(fn.dead_letters, 'dead letter')}`;
  return `With it go its ${plural(fn.versions, 'version')}${letters}, for good. Reports are no longer changed by it; what is stored already stays as it is.`;
}
