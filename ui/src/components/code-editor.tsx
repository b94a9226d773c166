import { useEffect, useId, useMemo, useRef } from 'preact/hooks';
import { indent, newLine, outdent, type Edit } from '../model/editing';
import { highlight, toLines, type CodeLanguage } from '../model/highlight';
import { plural } from '../model/format';
import { linesWithHidden } from '../model/text';
import { CodeLine, LineNumbers } from './code';

interface CodeEditorProps {
  value: string;
  language: CodeLanguage;
  label: string;
  onInput: (value: string) => void;
  /** The line that a fault is in, from 1. */
  errorLine?: number | null;
  /** The id of what says what is wrong. */
  errorId?: string | undefined;
  /** Lines that are shown at least. */
  rows?: number;
}

/**
 * A field for code: the browser's own text field, whose text is transparent, over the same text in colours. Tab
 * indents; after Escape it goes on to the next field, so that the keyboard is not caught here.
 */
export function CodeEditor(props: CodeEditorProps) {
  const { value, language, label, onInput, errorLine = null, errorId, rows = 8 } = props;
  const lines = useMemo(() => toLines(highlight(value, language)), [value, language]);
  const field = useRef<HTMLTextAreaElement>(null);
  const mark = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const escaped = useRef(false);
  const hint = useId();
  useEffect(() => {
    if (mark.current === null) return;
    mark.current.scrollIntoView({ block: 'nearest' });
    // The line is wider than the view: its beginning is what is wanted.
    box.current!.scrollLeft = 0;
  }, [errorLine]);
  const onKeyDown = (event: KeyboardEvent) => {
    const leaves = escaped.current;
    // Shift is on its way to Shift and Tab.
    if (event.key !== 'Shift') escaped.current = event.key === 'Escape';
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const edit = editOf(event, field.current!, leaves);
    if (edit === null) return;
    event.preventDefault();
    apply(field.current!, edit);
  };
  const hidden = linesWithHidden(value);
  return (
    <div class="editor">
      <div class="code is-edited" ref={box} style={{ '--rows': rows }}>
        <LineNumbers count={lines.length} marked={errorLine} />
        <div class="editor-stack">
          {errorLine !== null && errorLine <= lines.length && (
            <div ref={mark} class="error-line" style={{ '--line': errorLine - 1 }} />
          )}
          <pre class="code-text" aria-hidden="true">
            {lines.map((pieces, at) => (
              <CodeLine key={at} pieces={pieces} shown={asItIs} />
            ))}
          </pre>
          <textarea
            ref={field}
            class="editor-field"
            value={value}
            aria-label={label}
            aria-describedby={errorId === undefined ? hint : `${errorId} ${hint}`}
            aria-invalid={errorId !== undefined}
            spellcheck={false}
            autocapitalize="off"
            autocomplete="off"
            wrap="off"
            onInput={(event) => onInput(event.currentTarget.value)}
            onKeyDown={onKeyDown}
            onFocus={() => (escaped.current = false)}
          />
        </div>
      </div>
      <p class="hint editor-hint" id={hint}>
        Tab indents. To leave the field: Esc, then Tab.
      </p>
      {hidden.length > 0 && (
        <p class="fault" role="status">
          {plural(hidden.length, 'line holds', 'lines hold')} characters that don’t show, or turn the
          direction of text: {hidden.slice(0, 5).join(', ')}
          {hidden.length > 5 && '…'}
        </p>
      )}
    </div>
  );
}

function editOf(event: KeyboardEvent, field: HTMLTextAreaElement, leaves: boolean): Edit | null {
  const { value, selectionStart, selectionEnd } = field;
  if (event.key === 'Tab' && !leaves) {
    return (event.shiftKey ? outdent : indent)(value, selectionStart, selectionEnd);
  }
  if (event.key === 'Enter' && !event.shiftKey) return newLine(value, selectionStart, selectionEnd);
  return null;
}

/** The field above shows the same text: marks for hidden characters would push the two apart. */
function asItIs(text: string): string {
  return text;
}

/** Types an edit as a person would: only so can it be undone by the browser's own keys. */
function apply(field: HTMLTextAreaElement, { from, to, text, start, end }: Edit): void {
  if (field.value.slice(from, to) === text) return;
  field.setSelectionRange(from, to);
  document.execCommand(text === '' ? 'delete' : 'insertText', false, text);
  field.setSelectionRange(start, end);
}
