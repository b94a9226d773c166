import { vi } from 'vitest';

/** Lets everything that waits for an answer go on. */
export const settled = () => vi.advanceTimersByTimeAsync(0);

/** An answer that refuses a request for its token, as the server gives it. */
export function refusal(status: 401 | 403, scope: string, detail = 'no'): Response {
  return new Response(JSON.stringify({ title: 'not allowed', detail, scope }), { status });
}

/** A request for a stream of events, which the test answers as it likes. */
export class FakeStream {
  readonly answer: Promise<Response>;
  readonly token: string | null;
  private readonly respond: (answer: Response) => void;
  private readonly break: (error: Error) => void;
  private controller!: ReadableStreamDefaultController<Uint8Array>;

  constructor(
    readonly href: string,
    private readonly init: RequestInit,
  ) {
    let [respond, fail]: [(answer: Response) => void, (error: Error) => void] = [() => {}, () => {}];
    this.answer = new Promise((resolve, reject) => ([respond, fail] = [resolve, reject]));
    [this.respond, this.break] = [respond, fail];
    this.token = new Headers(init.headers).get('Authorization');
    init.signal!.addEventListener('abort', () => fail(new DOMException('aborted', 'AbortError')));
  }

  /** Whether the page let go of it. */
  get closed(): boolean {
    return this.init.signal!.aborted;
  }

  /** Answers with a stream that begins. */
  async accept(): Promise<void> {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.controller = controller),
    });
    await this.with(new Response(body, { headers: { 'Content-Type': 'text/event-stream' } }));
  }

  /** Answers with something else. */
  async with(answer: Response): Promise<void> {
    this.respond(answer);
    await settled();
  }

  /** Sends text as it is. */
  async send(text: string): Promise<void> {
    this.controller.enqueue(new TextEncoder().encode(text));
    await settled();
  }

  /** Sends an event. */
  async tell(name: string, data: unknown): Promise<void> {
    await this.send(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Breaks the connection before there is an answer. */
  async refuse(): Promise<void> {
    this.break(new TypeError('failed to fetch'));
    await settled();
  }

  /** Breaks the connection in the middle. */
  async cut(): Promise<void> {
    this.controller.error(new TypeError('network error'));
    await settled();
  }

  /** Ends as a server does that stops. */
  async end(): Promise<void> {
    this.controller.close();
    await settled();
  }
}

/** Stands in for `fetch`. Returns the requests for streams, in their order. */
export function stubStreams(): FakeStream[] {
  const streams: FakeStream[] = [];
  vi.stubGlobal('fetch', (href: string, init: RequestInit) => {
    const stream = new FakeStream(href, init);
    streams.push(stream);
    return stream.answer;
  });
  return streams;
}
