import { OfflineError } from './client';

/** An event may have so many characters, lines that are not yet whole included; the server's are far smaller. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

/** One event of a stream. */
export interface StreamEvent {
  readonly name: string;
  readonly data: string;
}

/**
 * Takes text/event-stream apart as the HTML standard says (9.2.6), however it is cut. `id` and `retry` are passed
 * over: upto sends neither, and the page connects anew as it sees fit.
 */
export class EventParser {
  private line = '';
  private afterCr = false;
  private name = '';
  private data: string[] = [];
  private size = 0;

  /** Takes the next piece. Returns the events that it completes. Throws OfflineError for one that is too large. */
  push(text: string): StreamEvent[] {
    if (text === '') return [];
    // A line may end with CR LF, and a piece between the two.
    const rest = this.afterCr && text.startsWith('\n') ? text.slice(1) : text;
    this.afterCr = text.endsWith('\r');
    const lines = rest.split(/\r\n|\r|\n/);
    lines[0] = this.line + lines[0];
    this.line = lines.pop()!;
    const events = lines.map((line) => this.take(line)).filter((event) => event !== null);
    if (this.size + this.line.length > MOST_CHARACTERS) throw new OfflineError('an event is too large');
    return events;
  }

  /** Takes a whole line; an empty one ends an event. */
  private take(line: string): StreamEvent | null {
    if (line === '') return this.finish();
    this.size += line.length;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.name = value;
    if (field === 'data') this.data.push(value);
    return null;
  }

  private finish(): StreamEvent | null {
    const { name, data } = this;
    this.name = '';
    this.data = [];
    this.size = 0;
    return data.length === 0 ? null : { name: name || 'message', data: data.join('\n') };
  }
}

/** The events of a stream as they come. Throws OfflineError where the connection breaks. */
export async function* readEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  for (;;) {
    const { value, done } = await reader.read().catch((cause: unknown) => {
      throw new OfflineError('connection lost', { cause });
    });
    if (done) return;
    yield* parser.push(decoder.decode(value, { stream: true }));
  }
}
