import { useEffect, useRef, useState } from 'preact/hooks';
import type { FunctionResource, LogLevel, LogLine } from '../api/function-types';
import { formatInstant } from '../model/format';
import { parseInstant } from '../model/time';
import { Logs } from '../state/watching';
import { Name } from './name';
import { NothingYet, OldNotice } from './notice';
import { Segment, Segments } from './segments';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** What a function logs, as it comes. */
export function FunctionLogs({ fn }: { fn: FunctionResource }) {
  const [logs] = useState(() => new Logs(fn._links.logs.href));
  const [least, setLeast] = useState<LogLevel>('debug');
  useEffect(() => logs.start(), [logs]);
  const lines = logs.lines.value;
  const problem = logs.problem.value;
  if (lines === null) return <NothingYet error={problem} />;
  const shown = lines.filter(({ level }) => LEVELS.indexOf(level) >= LEVELS.indexOf(least));
  const paused = logs.paused.value;
  return (
    <>
      {problem !== null && <OldNotice error={problem} />}
      <div class="actions">
        <Segments label="Level">
          {LEVELS.map((level) => (
            <Segment
              key={level}
              on={level === least}
              onClick={() => setLeast(level)}
              text={level === 'debug' ? 'all' : level === 'error' ? 'error' : `${level} and up`}
            />
          ))}
        </Segments>
        <button class="button" aria-pressed={paused} onClick={() => (logs.paused.value = !paused)}>
          {paused ? 'Go on' : 'Pause'}
        </button>
        <span class="is-quiet">The last 500 lines on this server.</span>
      </div>
      {shown.length === 0 ? (
        <p class="blank-note">
          {lines.length === 0 ? (
            <>
              It has logged nothing yet. In Lua, <code>upto.log("info", text)</code> writes a line.
            </>
          ) : (
            'No line of this level.'
          )}
        </p>
      ) : (
        <Lines lines={shown} />
      )}
    </>
  );
}

/** The lines, kept at the end while the reader is there. */
function Lines({ lines }: { lines: readonly LogLine[] }) {
  const box = useRef<HTMLOListElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    if (atEnd.current) box.current!.scrollTop = box.current!.scrollHeight;
  }, [lines.at(-1)?.seq]);
  return (
    <ol
      class="log-lines is-scrolled"
      ref={box}
      tabIndex={0}
      aria-label="Log"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        atEnd.current = scrollHeight - scrollTop - clientHeight < 4;
      }}
    >
      {lines.map(({ seq, at, level, version, text }) => (
        <li key={seq} class={`log-line is-${level}`}>
          <time class="is-quiet" dateTime={at} title={formatInstant(parseInstant(at))}>
            {clockOf(at)}
          </time>
          <span class="log-level">{level}</span>
          <span class="is-quiet log-version">{version !== null && `v${version}`}</span>
          <Name text={text} class="log-text" />
        </li>
      ))}
    </ol>
  );
}

/** The local time of day with milliseconds. */
export function clockOf(time: string): string {
  const date = new Date(parseInstant(time));
  return `${date.toLocaleTimeString(undefined, { hourCycle: 'h23' })}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
