/** Reads RFC 3339 text to milliseconds since 1970, keeping microseconds as a fraction. NaN: not a time. */
export function parseInstant(text: string): number {
  const match = /^(.*:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.exec(text);
  if (match === null) return NaN;
  const [, toSeconds, fraction = '', zone] = match;
  return Date.parse(toSeconds + zone) + (fraction === '' ? 0 : Number(`0${fraction}`) * 1000);
}

/** Seconds that the local zone is ahead of UTC at `ms` since 1970. */
export function zoneOffset(ms: number): number {
  return -new Date(ms).getTimezoneOffset() * 60;
}

/** The local zone as people call it, with its distance from UTC at `ms`: `Europe/Berlin, UTC+1`. */
export function zoneName(ms: number): string {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  const minutes = zoneOffset(ms) / 60;
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  const distance = `${minutes < 0 ? '−' : '+'}${hours}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`;
  const utc = minutes === 0 ? 'UTC' : `UTC${distance}`;
  return !timeZone || timeZone === 'UTC' ? utc : `${timeZone}, ${utc}`;
}
