import { useEffect, useRef, useState } from 'preact/hooks';
import { plural } from '../model/format';
import { zoneName } from '../model/time';
import { Found } from '../model/visibility';
import { isTyping } from '../state/commands';
import type { TimelineView } from '../state/timeline-view';
import { FitIcon, MinusIcon, PlusIcon, SearchIcon } from './icons';
import { Segment, Segments } from './segments';

const MOST_LEVELS = 6;
const TYPING_MS = 80;

/** What changes how a timeline is looked at. */
export function Toolbar({ view }: { view: TimelineView }) {
  const absolute = view.timeMode.value === 'absolute';
  const byHost = view.group.value === 'host';
  const origin = view.bars.value?.originMs ?? 0;
  return (
    <div class="toolbar" role="toolbar" aria-label="View">
      <Search view={view} />
      <Segments label="Group by">
        <Segment on={!byHost} onClick={() => (view.group.value = 'step')} text="Step" />
        <Segment on={byHost} onClick={() => (view.group.value = 'host')} text="Host" />
      </Segments>
      <Levels view={view} />
      <span class="spring" />
      <Segments label="Time">
        <Segment on={!absolute} onClick={() => (view.timeMode.value = 'relative')} text="Relative" />
        <Segment on={absolute} onClick={() => (view.timeMode.value = 'absolute')} text="Local" />
      </Segments>
      {absolute && <span class="zone">{zoneName(origin)}</span>}
      <div class="segments" role="group" aria-label="Zoom">
        <button class="segment" onClick={() => view.zoomBy(1 / 0.7)} title="Zoom out (−)">
          <MinusIcon />
          <span class="hidden-text">Zoom out</span>
        </button>
        <button class="segment" onClick={() => view.zoomBy(0.7)} title="Zoom in (+)">
          <PlusIcon />
          <span class="hidden-text">Zoom in</span>
        </button>
        <button class="segment" onClick={() => view.zoomToAll()} title="Show all (0)">
          <FitIcon />
          <span class="hidden-text">Show all</span>
        </button>
      </div>
    </div>
  );
}

/** How many levels are open: the first alone is "all collapsed", the last is "all". */
function Levels({ view }: { view: TimelineView }) {
  const most = view.levels.value;
  if (most === 0) return null;
  const { level, toggled } = view.fold.value;
  const shown = (at: number) => toggled.size === 0 && level === at;
  return (
    <Segments label="Levels">
      {Array.from({ length: Math.min(most, MOST_LEVELS) }, (_, at) => (
        <Segment key={at} on={shown(at)} onClick={() => view.foldTo(at)} text={String(at + 1)} />
      ))}
      <Segment on={shown(Infinity)} onClick={() => view.foldTo(Infinity)} text="All" />
    </Segments>
  );
}

function Search({ view }: { view: TimelineView }) {
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(view.query.value);
  useEffect(() => {
    const timer = setTimeout(() => (view.query.value = text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || isTyping(event)) return;
      event.preventDefault();
      field.current!.select();
    };
    document.addEventListener('keydown', focus);
    return () => document.removeEventListener('keydown', focus);
  }, []);
  const search = view.search.value;
  return (
    <div class="search">
      <SearchIcon />
      <input
        ref={field}
        type="search"
        value={text}
        placeholder="Search, or is:failed"
        aria-label="Search in steps and hosts"
        title="Words in names and hosts; is:failed, is:running, is:unfinished (/)"
        spellcheck={false}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') selectNextMatch(view, event.shiftKey ? -1 : 1);
          if (event.key === 'Escape') setText('');
        }}
      />
      <span class="search-count" role="status">
        {search !== null && plural(search.count, 'match', 'matches')}
      </span>
    </div>
  );
}

function selectNextMatch(view: TimelineView, direction: 1 | -1): void {
  const found = view.search.value?.found;
  if (found !== undefined) view.selectNext((_, row) => (found[row] & Found.itself) !== 0, direction);
}
