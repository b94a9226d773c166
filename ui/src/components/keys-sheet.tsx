import { useEffect, useRef } from 'preact/hooks';
import { COMMANDS } from '../state/commands';
import { CloseIcon } from './icons';

const ELSEWHERE = [
  {
    title: 'Table',
    commands: [
      { shown: '↑ ↓', text: 'select a row' },
      { shown: '← →', text: 'collapse, expand, go to the parent or the first child' },
      { shown: 'Home End', text: 'first, last row' },
      { shown: 'Page ↑ ↓', text: 'a screen up, down' },
      { shown: 'Enter', text: 'details of the row' },
      { shown: '/', text: 'search, also is:failed, is:running, is:unfinished' },
      { shown: 'Enter or Shift Enter', text: 'in the search: next or previous match' },
    ],
  },
  {
    title: 'Code',
    commands: [
      { shown: 'Tab', text: 'indent' },
      { shown: 'Shift Tab', text: 'outdent' },
      { shown: 'Esc, then Tab', text: 'leave the field' },
      { shown: 'Ctrl or ⌘ Enter', text: 'try the function' },
    ],
  },
  {
    title: 'Pointer',
    commands: [
      { shown: 'Ctrl or ⌘ wheel', text: 'zoom about the cursor' },
      { shown: 'Shift wheel', text: 'earlier, later' },
      { shown: 'drag', text: 'move the chart' },
      { shown: 'drag on the axis', text: 'zoom to a stretch of time' },
      { shown: 'click', text: 'details of a step' },
      { shown: 'double click', text: 'zoom to a step; on the axis show all' },
    ],
  },
];

/** The sheet that tells what the keys do. The dialog keeps the focus and closes on Escape by itself. */
export function KeysSheet({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog class="sheet" ref={dialog} onClose={onClose} aria-labelledby="keys-title">
      <div class="sheet-head">
        <h2 id="keys-title">Keys</h2>
        <button class="button is-quiet" onClick={() => dialog.current!.close()} title="Close (Esc)">
          <CloseIcon />
          <span class="hidden-text">Close</span>
        </button>
      </div>
      <div class="sheet-body">
        {[...COMMANDS, ...ELSEWHERE].map(({ title, commands }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {commands.map(({ shown, text }) => (
                <div key={shown}>
                  <dt>
                    <kbd>{shown}</kbd>
                  </dt>
                  <dd>{text}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </dialog>
  );
}
