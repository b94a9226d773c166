/** What a piece of code is, as far as its colour is concerned. */
export type Kind = 'plain' | 'comment' | 'string' | 'number' | 'keyword' | 'known' | 'key';

export interface Piece {
  readonly kind: Kind;
  readonly text: string;
}

export type CodeLanguage = 'lua' | 'json';

const LUA_KEYWORDS = new Set(
  'and break continue do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
);
/** What upto gives to a script, so that a misspelt one is seen. */
const LUA_KNOWN = new Set('upto report transform receive string table math utf8 bit32'.split(' '));
const JSON_WORDS = new Set(['true', 'false', 'null']);

/**
 * The tokens of Luau that have a colour. Each part of a string or comment that may be left open ends with the
 * text at the latest, since what is being typed mostly is open. Interpolated strings are one string each.
 */
const LUA = new RegExp(
  [
    /(?<comment>--\[(?<c>=*)\[[^]*?(?:\]\k<c>\]|$(?![^]))|--[^\n]*)/,
    /(?<string>"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?|`(?:\\[^]|[^`\\])*`?|\[(?<s>=*)\[[^]*?(?:\]\k<s>\]|$(?![^])))/,
    /(?<number>0[xX][\da-fA-F_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?[\d_]+)?)/,
    /(?<word>[A-Za-z_]\w*)/,
  ]
    .map((each) => each.source)
    .join('|'),
  'g',
);

const JSON_TOKENS = /(?<string>"(?:\\.|[^"\\\n])*"?)(?<colon>\s*:)?|(?<number>-?\d[\d.eE+-]*)|(?<word>\w+)/g;

/** Code as coloured pieces, which together are the code itself. A word after a dot is a field, whatever its name. */
export function highlight(code: string, language: CodeLanguage): Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  for (const match of code.matchAll(language === 'lua' ? LUA : JSON_TOKENS)) {
    const kind = kindOf(match.groups!, language, code[match.index - 1] ?? '');
    if (kind === 'plain') continue;
    const text = match.groups!['colon'] === undefined ? match[0] : match.groups!['string'];
    if (match.index > done) pieces.push({ kind: 'plain', text: code.slice(done, match.index) });
    pieces.push({ kind, text });
    done = match.index + text.length;
  }
  if (done < code.length) pieces.push({ kind: 'plain', text: code.slice(done) });
  return pieces;
}

function kindOf(groups: Record<string, string | undefined>, language: CodeLanguage, before: string): Kind {
  const { comment, string, number, word } = groups;
  if (comment !== undefined) return 'comment';
  if (string !== undefined) return groups['colon'] === undefined ? 'string' : 'key';
  if (number !== undefined) return 'number';
  if (language === 'json') return JSON_WORDS.has(word!) ? 'keyword' : 'plain';
  if (LUA_KEYWORDS.has(word!)) return 'keyword';
  return LUA_KNOWN.has(word!) && before !== '.' && before !== ':' ? 'known' : 'plain';
}

/** Pieces by line; what goes over several lines is cut at their ends. There is at least one line. */
export function toLines(pieces: readonly Piece[]): Piece[][] {
  const lines: Piece[][] = [[]];
  for (const { kind, text } of pieces) {
    for (const [at, part] of text.split('\n').entries()) {
      if (at > 0) lines.push([]);
      if (part !== '') lines.at(-1)!.push({ kind, text: part });
    }
  }
  return lines;
}

/** Whether two lines look the same. */
export function samePieces(a: readonly Piece[], b: readonly Piece[]): boolean {
  return a.length === b.length && a.every(({ kind, text }, at) => kind === b[at].kind && text === b[at].text);
}
