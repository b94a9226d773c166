import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventParser, readEvents, type StreamEvent } from './sse';

function parse(...pieces: string[]): StreamEvent[] {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

/** A stream with comments, all ends of lines, text of all lengths of UTF-8, and what must be passed over. */
const STREAM =
  ': hello\r\n\r\nevent: change\r\ndata: {"a":1}\r\n\r\n:\n\nid: 7\nretry: 10\ndata:no space\rdata:  two\rdata\r\r' +
  'event: lonely\n\ndata: é 🎉\nevent: report\nnonsense\n\ndata: never ended\n';
const EVENTS = [
  { name: 'change', data: '{"a":1}' },
  { name: 'message', data: 'no space\n two\n' },
  { name: 'report', data: 'é 🎉' },
];

test('takes fields, comments and all ends of lines as the standard says', () => {
  expect(parse(STREAM)).toEqual(EVENTS);
});

test('an event is there as soon as its last line is, though a LF may follow the CR', () => {
  expect(parse('data: 1\r\n\r')).toEqual([{ name: 'message', data: '1' }]);
  expect(parse('data: 1\r\n\r', '', '\ndata: 2\n\n').map(({ data }) => data)).toEqual(['1', '2']);
});

test('bytes may be cut anywhere', async () => {
  const bytes = new TextEncoder().encode(STREAM);
  const cuts = fc.uniqueArray(fc.integer({ min: 0, max: bytes.length }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(cuts, async (at) => {
      const ends = [...at.sort((a, b) => a - b), bytes.length];
      const pieces = ends.map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          for (const piece of pieces) controller.enqueue(piece);
          controller.close();
        },
      });
      const events: StreamEvent[] = [];
      for await (const event of readEvents(stream)) events.push(event);
      expect(events).toEqual(EVENTS);
    }),
  );
});

test('an event without an end does not fill the memory', () => {
  const piece = 'x'.repeat(1024 * 1024);
  expect(() => parse('data: ', piece, piece, piece, piece)).toThrow('too large');
  const line = `data: ${piece}\n`;
  expect(() => parse(line, line, line, line)).toThrow('too large');
  expect(parse(...Array<string>(8).fill(`${line}\n`))).toHaveLength(8);
});
