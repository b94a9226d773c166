import { Component } from 'preact';
import { highlight, samePieces, toLines, type CodeLanguage, type Piece } from '../model/highlight';
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

interface CodeLineProps {
  pieces: readonly Piece[];
  /** Makes what is shown of a piece's text. */
  shown: (text: string) => string;
}

/** One line as coloured pieces. It is made anew only where it changed: a script may have thousands of them. */
export class CodeLine extends Component<CodeLineProps> {
  override shouldComponentUpdate({ pieces }: CodeLineProps): boolean {
    return !samePieces(this.props.pieces, pieces);
  }

  render({ pieces, shown }: CodeLineProps) {
    return (
      <span class="code-line">
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
      </span>
    );
  }
}

/** A tab is layout in code and no hidden character. */
function keepTabs(text: string, shown: (text: string) => string): string {
  return text.split('\t').map(shown).join('\t');
}

interface LineNumbersProps {
  count: number;
  marked?: number | null;
}

/** Numbers beside the lines of code, of which one may be marked. */
export class LineNumbers extends Component<LineNumbersProps> {
  override shouldComponentUpdate({ count, marked }: LineNumbersProps): boolean {
    return count !== this.props.count || marked !== this.props.marked;
  }

  render({ count, marked = null }: LineNumbersProps) {
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
}
