import { serverClock } from '../api/clock';
import { formatAgo, formatInstant } from '../model/format';
import { parseInstant } from '../model/time';
import { everySecond } from '../state/ticker';

/** How long ago something was, by the server's clock. @param time RFC 3339 */
export function Ago({ time }: { time: string }) {
  void everySecond.value;
  const ms = parseInstant(time);
  return (
    <time dateTime={time} title={formatInstant(ms)}>
      {formatAgo((serverClock.now() - ms) / 1000)}
    </time>
  );
}
