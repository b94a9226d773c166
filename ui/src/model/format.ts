/** Whether times are told as distance from the origin or by the local clock. */
export type TimeMode = 'relative' | 'absolute';

/**
 * A duration for people, three significant figures or two units: `340 ms`, `12.4 s`, `1m 30s`, `2h 05m`,
 * `3d 04h`. NaN is the empty text.
 * @param s seconds
 */
export function formatDuration(s: number): string {
  if (Number.isNaN(s)) return '';
  if (s < 0) return `−${formatDuration(-s)}`;
  if (s === 0) return '0 s';
  if (s < 0.9995e-3) return `${Math.round(s * 1e6)} µs`;
  if (s < 0.9995) return `${significant(s * 1e3)} ms`;
  if (s < 59.95) return `${significant(s)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  const minutes = Math.round(s / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
  const hours = Math.round(s / 3600);
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/** A duration that is still growing: no figure moves faster than once a second. @param s seconds */
export function formatGrowing(s: number): string {
  return Number.isNaN(s) ? '' : s < 60 ? `${Math.floor(s)} s` : formatDuration(Math.floor(s));
}

function significant(value: number): string {
  return value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/**
 * A moment on the axis as distance from the origin, with the places that `step` needs: `0`, `30s`,
 * `1m 30s`, `12m 04.250s`. Both in seconds.
 */
export function formatOffset(s: number, step: number): string {
  const places = placesFor(step);
  const total = Math.round(Math.abs(s) * 10 ** places) / 10 ** places;
  const sign = s < 0 && total > 0 ? '−' : '';
  if (total === 0) return '0';
  if (total < 1 && step < 1) return `${sign}${trim((total * 1e3).toFixed(Math.max(0, places - 3)))}ms`;
  const days = Math.floor(total / 86_400);
  const hours = Math.floor((total % 86_400) / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const seconds = total % 60;
  const parts: string[] = [];
  if (days > 0) parts.push(`${days}d`);
  if (hours > 0) parts.push(`${hours}h`);
  if (minutes > 0) parts.push(`${minutes}m`);
  if (seconds > 0 || step < 1) parts.push(`${seconds.toFixed(places)}s`);
  return sign + parts.join(' ');
}

/** Decimal places of a second that tell multiples of `step` seconds apart. */
function placesFor(step: number): number {
  return step >= 1 ? 0 : Math.min(6, Math.ceil(-Math.log10(step) - 1e-9));
}

function trim(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}

/**
 * A moment on the axis as local time of day, or as date where the step is days.
 * @param ms since 1970
 * @param step between ticks, seconds
 */
export function formatTimeOfDay(ms: number, step: number): string {
  const date = new Date(ms);
  if (step >= 86_400) return date.toLocaleDateString(undefined, { month: 'short', day: 'numeric' });
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (step >= 60) return clock;
  const places = placesFor(step);
  const micros = Math.floor((((ms % 60_000) + 60_000) % 60_000) * 1000 + 0.5);
  const [whole, fraction] = [Math.floor(micros / 1e6) % 60, micros % 1e6];
  const decimals = places === 0 ? '' : `.${String(fraction).padStart(6, '0').slice(0, places)}`;
  return `${clock}:${two(whole)}${decimals}`;
}

const FULL = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});

const SHORT = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/** A full local date and time with milliseconds. @param ms since 1970 */
export function formatInstant(ms: number): string {
  return Number.isNaN(ms) ? '' : FULL.format(ms);
}

/** A short local date and time. @param ms since 1970 */
export function formatShortInstant(ms: number): string {
  return Number.isNaN(ms) ? '' : SHORT.format(ms);
}

/** How long ago, coarsely: `just now`, `3 min ago`, `5 h ago`, `12 d ago`. @param s seconds */
export function formatAgo(s: number): string {
  if (s < 10) return 'just now';
  if (s < 60) return `${Math.floor(s)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86_400)} d ago`;
}

const COUNT = new Intl.NumberFormat();

/** A whole number with the reader's grouping of digits. */
export function formatCount(value: number): string {
  return COUNT.format(value);
}

/** `1 event`, `1,204 events`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`;
}
