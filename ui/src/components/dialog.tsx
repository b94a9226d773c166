import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { CloseIcon } from './icons';
import { Name } from './name';

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** A window over the page. It keeps the focus, and closes on Escape by itself. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog class="sheet is-narrow" ref={dialog} onClose={onClose} aria-labelledby={id}>
      <div class="sheet-head">
        <h2 id={id}>{title}</h2>
        <button class="button is-quiet" onClick={() => dialog.current!.close()} title="Close (Esc)">
          <CloseIcon />
          <span class="hidden-text">Close</span>
        </button>
      </div>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What the button says; it does what it says. */
  action: string;
  /** Whether it can't be undone. */
  final?: boolean;
  /** What must be typed first, for what is grave. */
  typed?: string;
  /** Does it; what it throws is shown, and the dialog stays. */
  onConfirm: () => Promise<void>;
  onClose: () => void;
  children: ComponentChildren;
}

/** Says what will happen, and asks whether to do it. */
export function Confirm({ title, action, final = false, typed, onConfirm, onClose, children }: ConfirmProps) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState('');
  const confirm = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailure('');
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setFailure((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="sheet-form" onSubmit={confirm}>
        {children}
        {typed !== undefined && (
          <label class="input-field">
            <span>
              To go on, type <b>{typed}</b>
            </span>
            <input
              value={text}
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
        )}
        {failure !== '' && (
          <p class="fault" role="alert">
            <Name text={failure} />
          </p>
        )}
        <div class="actions">
          <button
            class={`button ${final ? 'is-final' : 'is-primary'}`}
            disabled={busy || (typed !== undefined && text !== typed)}
          >
            {action}
          </button>
          <button class="button" type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
