import type { TimelineView } from './timeline-view';

/** Something that a key does on the page of a timeline. */
export interface Command {
  /** Values of `KeyboardEvent.key`; `Shift+` stands before those that need it with an arrow. */
  readonly keys: readonly string[];
  /** The keys as people write them. */
  readonly shown: string;
  readonly text: string;
  readonly run: (view: TimelineView, key: string) => void;
}

const ZOOM = 0.7;
const PAN = 0.15;

/** All keys of a timeline's page but those of the table itself; the sheet of keys lists the same. */
export const COMMANDS: readonly { title: string; commands: readonly Command[] }[] = [
  {
    title: 'Time',
    commands: [
      { keys: ['+', '='], shown: '+', text: 'zoom in', run: (view) => view.zoomBy(ZOOM) },
      { keys: ['-'], shown: '−', text: 'zoom out', run: (view) => view.zoomBy(1 / ZOOM) },
      { keys: ['0'], shown: '0', text: 'show all', run: (view) => view.zoomToAll() },
      {
        keys: ['z'],
        shown: 'z',
        text: 'zoom to the selected step',
        run: (view) => view.zoomToRow(view.activeRow.value),
      },
      {
        keys: ['a', 'Shift+ArrowLeft'],
        shown: 'a or Shift ←',
        text: 'earlier',
        run: (view) => view.panBy(-PAN),
      },
      {
        keys: ['d', 'Shift+ArrowRight'],
        shown: 'd or Shift →',
        text: 'later',
        run: (view) => view.panBy(PAN),
      },
      {
        keys: ['t'],
        shown: 't',
        text: 'relative or local time',
        run: (view) => (view.timeMode.value = view.timeMode.value === 'relative' ? 'absolute' : 'relative'),
      },
    ],
  },
  {
    title: 'Rows',
    commands: [
      { keys: ['['], shown: '[', text: 'collapse one level', run: (view) => view.foldBy(-1) },
      { keys: [']'], shown: ']', text: 'expand one level', run: (view) => view.foldBy(1) },
      { keys: ['c'], shown: 'c', text: 'collapse all', run: (view) => view.foldTo(0) },
      { keys: ['e'], shown: 'e', text: 'expand all', run: (view) => view.foldTo(Infinity) },
      {
        keys: ['1', '2', '3', '4', '5', '6', '7', '8', '9'],
        shown: '1 – 9',
        text: 'expand so many levels',
        run: (view, key) => view.foldTo(Number(key) - 1),
      },
      {
        keys: ['g'],
        shown: 'g',
        text: 'group by step or by host',
        run: (view) => (view.group.value = view.group.value === 'step' ? 'host' : 'step'),
      },
      { keys: ['n'], shown: 'n', text: 'next failed step', run: (view) => view.selectNextFailed(1) },
      {
        keys: ['N'],
        shown: 'Shift n',
        text: 'previous failed step',
        run: (view) => view.selectNextFailed(-1),
      },
      {
        keys: ['Escape'],
        shown: 'Esc',
        text: 'close the details',
        run: (view) => (view.detailsOpen.value = false),
      },
    ],
  },
];

const BY_KEY = new Map(
  COMMANDS.flatMap(({ commands }) => commands.flatMap((each) => each.keys.map((key) => [key, each]))),
);

/** Runs what a key means, unless it is typed into a field or belongs to the browser. */
export function runCommand(view: TimelineView, event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event)) return;
  const arrow = event.key.startsWith('Arrow');
  const command = BY_KEY.get(arrow && event.shiftKey ? `Shift+${event.key}` : event.key);
  if (command === undefined) return;
  event.preventDefault();
  command.run(view, event.key);
}

/** Whether a key goes into a field or a dialog and is no command. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return target.closest('input, textarea, select, dialog') !== null;
}
