import fc from 'fast-check';
import { expect, test } from 'vitest';
import { indent, newLine, outdent, type Edit } from './editing';

/** Text with `<` and `>` around what is selected, or `|` for a caret. */
function marked(text: string): [string, number, number] {
  const start = text.search(/[<|]/);
  const end = text.includes('|') ? start : text.indexOf('>') - 1;
  return [text.replace(/[<>|]/g, ''), start, end];
}

function after(before: string, edit: (text: string, start: number, end: number) => Edit): string {
  const [text, start, end] = marked(before);
  const made = edit(text, start, end);
  const result = text.slice(0, made.from) + made.text + text.slice(made.to);
  const inside = result.slice(made.start, made.end);
  const around = made.start === made.end ? '|' : `<${inside}>`;
  return result.slice(0, made.start) + around + result.slice(made.end);
}

test.each([
  ['a|b', 'a\t|b'],
  ['a\n<b>\nc', 'a\n<\tb>\nc'],
  ['<\n>a', '|\na'],
  ['x<a\n\nb>y', '<\txa\n\n\tby>'],
  ['<a\n>b', '<\ta>\nb'],
])('Tab: %j becomes %j', (before, expected) => {
  expect(after(before, indent)).toBe(expected);
});

test.each([
  ['\ta|b', 'a|b'],
  ['      a|', '  a|'],
  ['a|', 'a|'],
  ['|\ta', '|a'],
  ['|\na', '|\na'],
  ['<\ta\n  b\nc>', '<a\nb\nc>'],
])('Shift Tab: %j becomes %j', (before, expected) => {
  expect(after(before, outdent)).toBe(expected);
});

test.each([
  ['a|', 'a\n|'],
  ['\tif x then|', '\tif x then\n\t\t|'],
  ['function transform(report)|', 'function transform(report)\n\t|'],
  ['local t = {|}', 'local t = {\n\t|}'],
  ['\treturn report|', '\treturn report\n\t|'],
  ['a<b>c', 'a\n|c'],
  ['\tundo|', '\tundo\n\t|'],
  ['x(a)|', 'x(a)\n|'],
])('Enter: %j becomes %j', (before, expected) => {
  expect(after(before, newLine)).toBe(expected);
});

test('outdenting takes back what indenting did to lines', () => {
  const lines = fc.array(fc.constantFrom('a', '\tb', '', '  c'), { minLength: 1, maxLength: 6 });
  const apply = (text: string, { from, to, text: made }: Edit) => text.slice(0, from) + made + text.slice(to);
  fc.assert(
    fc.property(lines, (parts) => {
      const text = parts.join('\n');
      fc.pre(text !== '');
      const edit = indent(text, 0, text.length);
      const indented = apply(text, edit);
      expect(apply(indented, outdent(indented, edit.start, edit.end))).toBe(text);
    }),
  );
});
