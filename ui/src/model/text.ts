/**
 * Characters that would not show, or would change how what stands beside them shows: controls,
 * bidirectional controls, zero-width ones, line separators, tags. Joiners (U+200C, U+200D) stay: scripts
 * and emoji need them.
 */
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Text from outside as it is shown: every hidden character becomes a visible mark. */
export function visibleText(text: string): string {
  return text.replace(HIDDEN, (character) => {
    const code = character.codePointAt(0)!;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return '\u2421';
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** A word as a POSIX shell takes it. */
export function shellWord(text: string): string {
  return /^[\w.\-/:@%+=]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The lines, from 1, in which a hidden character stands that is no part of how code is laid out. */
export function linesWithHidden(text: string): number[] {
  return text
    .split('\n')
    .flatMap((line, at) => (line.replace(/[\t\r]/g, '').search(HIDDEN) >= 0 ? [at + 1] : []));
}
