import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EXAMPLE } from './example';
import { highlight, samePieces, toLines, type CodeLanguage } from './highlight';

/** The coloured pieces as `kind:text`. */
function colored(code: string, language: CodeLanguage = 'lua'): string[] {
  return highlight(code, language).flatMap(({ kind, text }) => (kind === 'plain' ? [] : [`${kind}:${text}`]));
}

test.each([
  ['local x = nil', ['keyword:local', 'keyword:nil']],
  ['x = y -- end', ['comment:-- end']],
  ['--[[ a\nend ]] end', ['comment:--[[ a\nend ]]', 'keyword:end']],
  ['--[==[ ]] ]=] ]==]1', ['comment:--[==[ ]] ]=] ]==]', 'number:1']],
  ['--[[ open\nend', ['comment:--[[ open\nend']],
  ['"a\\"b" \'c\\\'d\'', ['string:"a\\"b"', "string:'c\\'d'"]],
  ['"open\nend', ['string:"open', 'keyword:end']],
  ['"a\\\nb"', ['string:"a\\\nb"']],
  ['`a {x} b`', ['string:`a {x} b`']],
  ['[[a\n]b]]', ['string:[[a\n]b]]']],
  ['t[1][[x]]', ['number:1', 'string:[[x]]']],
  ['0xFF_00 0b1_0 1_000.5e-3 .5', ['number:0xFF_00', 'number:0b1_0', 'number:1_000.5e-3', 'number:.5']],
  ['a1 _2', []],
  ['report.report:string(upto)', ['known:report', 'known:upto']],
  ['functional ending', []],
])('Luau: %j', (code, pieces) => {
  expect(colored(code)).toEqual(pieces);
});

test('JSON tells keys from texts', () => {
  expect(colored('[{"a\\"": "b", "c" : -1.5e3, "d": [true, null]}, "open', 'json')).toEqual([
    'key:"a\\""',
    'string:"b"',
    'key:"c"',
    'number:-1.5e3',
    'key:"d"',
    'keyword:true',
    'keyword:null',
    'string:"open',
  ]);
});

test('whatever is typed, the pieces together are the code', () => {
  const part = fc.constantFrom(
    '--',
    '[[',
    ']]',
    '[=[',
    '"',
    "'",
    '`',
    '\\',
    '\n',
    'end',
    '0x',
    '.',
    '{',
    '}',
    'é',
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 30 }),
      fc.constantFrom<CodeLanguage>('lua', 'json'),
      (parts, language) => {
        const code = parts.join('');
        const pieces = highlight(code, language);
        expect(pieces.map(({ text }) => text).join('')).toBe(code);
        expect(pieces.every(({ text }) => text !== '')).toBe(true);
      },
    ),
  );
});

test('lines are those of the text, also inside of a piece', () => {
  const lines = toLines(highlight(EXAMPLE.source, 'lua')).map((pieces) =>
    pieces.map(({ text }) => text).join(''),
  );
  expect(lines).toEqual(EXAMPLE.source.split('\n'));
  expect(toLines(highlight('a --[[x\n\ny]]', 'lua')).map((line) => line.map(({ kind }) => kind))).toEqual([
    ['plain', 'comment'],
    [],
    ['comment'],
  ]);
  expect(toLines([])).toEqual([[]]);
});

test('lines are the same where text and colours are', () => {
  const line = (code: string) => highlight(code, 'lua');
  expect(samePieces(line('local a = 1'), line('local a = 1'))).toBe(true);
  expect(samePieces(line('local a = 1'), line('local a = 2'))).toBe(false);
  expect(samePieces(line('a'), line('a b -- c'))).toBe(false);
  expect(samePieces([{ kind: 'plain', text: 'end' }], line('end'))).toBe(false);
});

test('a long file is coloured at once', () => {
  // 64 KiB is the largest script that the server takes; this one tempts the tokenizer to look far ahead.
  const code = '[[ " -- ` '.repeat(6_500);
  const began = performance.now();
  highlight(code, 'lua');
  expect(performance.now() - began).toBeLessThan(500);
});
