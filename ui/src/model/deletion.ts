import { plural } from './format';

/** What is gone once a run is deleted, and what comes after it. */
export function runDeletionText(run: { events: number; running: number }, isNewest: boolean): string {
  const events =
    run.events === 0 ? 'It has no events' : `With it go its ${plural(run.events, 'event')}, for good`;
  const running = run.running === 0 ? '' : ` ${plural(run.running, 'step still runs', 'steps still run')}.`;
  const after = isNewest
    ? 'It is the newest run: the next report begins it anew, under its number.'
    : 'No other run gets its number.';
  return `${events}.${running} ${after}`;
}

/** What is gone once a context is deleted. @param more whether it has more runs than `runs` */
export function contextDeletionText(runs: number, more: boolean): string {
  const what =
    runs === 0 ? 'It has no runs' : `With it go its ${more ? 'more than ' : ''}${plural(runs, 'run')}`;
  return `${what}, for good, and all that was reported of it. The next report makes it anew, with run 1.`;
}
