/** A change of a text: what is between `from` and `to` becomes `text`, then `start` to `end` is selected. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** What the Tab key does: indents the lines of a selection, or inserts a tab where nothing is selected. */
export function indent(text: string, start: number, end: number): Edit {
  if (start === end) return { from: start, to: end, text: '\t', start: start + 1, end: start + 1 };
  const [from, to] = lineRange(text, start, end);
  const indented = text.slice(from, to).replace(/^(?=.)/gm, '\t');
  return { from, to, text: indented, start: from, end: from + indented.length };
}

/** What Shift and Tab do: takes one tab, or up to four blanks, from each line that the selection touches. */
export function outdent(text: string, start: number, end: number): Edit {
  const [from, to] = lineRange(text, start, end);
  const lines = text.slice(from, to);
  const outdented = lines.replace(/^(?:\t| {1,4})/gm, '');
  if (start !== end) return { from, to, text: outdented, start: from, end: from + outdented.length };
  const caret = Math.max(from, start - (lines.length - outdented.length));
  return { from, to, text: outdented, start: caret, end: caret };
}

/** What Enter does: a new line, as far in as the one before it, and further after what opens a block. */
export function newLine(text: string, start: number, end: number): Edit {
  const line = text.slice(lineStart(text, start), start);
  const opens = /(?:\b(?:then|do|else|repeat)|[({[]|\bfunction\b[^()]*\([^()]*\))\s*$/.test(line);
  const inserted = `\n${/^[\t ]*/.exec(line)![0]}${opens ? '\t' : ''}`;
  const caret = start + inserted.length;
  return { from: start, to: end, text: inserted, start: caret, end: caret };
}

/** Whole lines from that of `start` to that of `end`; a selection that ends before a line's first character leaves it. */
function lineRange(text: string, start: number, end: number): [number, number] {
  const from = lineStart(text, start);
  const last = end > start && text[end - 1] === '\n' ? end - 1 : end;
  const next = text.indexOf('\n', last);
  return [from, next < 0 ? text.length : next];
}

/** Where the line begins that `at` is in. */
function lineStart(text: string, at: number): number {
  // Searching from −1 searches from 0.
  return at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
}
