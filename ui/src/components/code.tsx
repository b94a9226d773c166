import { highlight, toLines, type CodeLanguage, type Piece } from '../model/highlight';
import { visibleText } from '../model/text';

interface CodeProps {
  code: string;
  language: CodeLanguage;
  /** What it is, for who can't see it. */
  label: string;
}

/** Code to be read: coloured, with numbers of lines, hidden characters shown as marks. */
export function Code({ code, language, label }: CodeProps) {
  const text = code.replace(/\r?\n$/, '').replaceAll('\r\n', '\n');
  const lines = toLines(highlight(text, language));
  return (
    // What scrolls must be reached by the keyboard.
    <div class="code" role="region" aria-label={label} tabIndex={0}>
      <LineNumbers count={lines.length} />
      <pre class="code-text">
        <code>
          {lines.map((pieces, at) => (
            <CodeLine key={at} pieces={pieces} shown={visibleText} />
          ))}
        </code>
      </pre>
    </div>
  );
}

/** One line as coloured pieces. `shown` makes what is shown of a piece's text. */
export function CodeLine({ pieces, shown }: { pieces: readonly Piece[]; shown: (text: string) => string }) {
  return (
    <>
      {pieces.map(({ kind, text }, at) =>
        kind === 'plain' ? (
          keepTabs(text, shown)
        ) : (
          <span key={at} class={`is-${kind}`}>
            {keepTabs(text, shown)}
          </span>
        ),
      )}
      {'\n'}
    </>
  );
}

/** A tab is layout in code and no hidden character. */
function keepTabs(text: string, shown: (text: string) => string): string {
  return text.split('\t').map(shown).join('\t');
}

/** Numbers beside the lines of code, of which one may be marked. */
export function LineNumbers({ count, marked = null }: { count: number; marked?: number | null }) {
  return (
    <div class="line-numbers" aria-hidden="true">
      {Array.from({ length: count }, (_, at) => (
        <div key={at} class={at + 1 === marked ? 'is-marked' : undefined}>
          {at + 1}
        </div>
      ))}
    </div>
  );
}
