import { getStream, OfflineError, RefusedError } from './client';
import { backoffMs, onVisibility } from './repeat';
import { readEvents } from './sse';

interface Listener<Event> {
  event: (event: Event) => void;
  /** The stream is there, for the first time or again. */
  connected: () => void;
  /** It is not, and why. RefusedError: that is final; after anything else it is tried again. */
  lost: (error: Error) => void;
}

/**
 * Follows the events of one name in a stream of the server. A hidden page lets go of its connection: browsers allow six
 * to a server, and a seventh forgotten tab would block the page that someone looks at.
 * The browser's own EventSource sends no token, gives up on some errors and waits as it likes: this does not.
 * Returns what ends it.
 */
export function follow<Event>(href: string, name: string, on: Listener<Event>): () => void {
  let connection: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const disconnect = () => {
    clearTimeout(timer);
    connection?.abort();
    connection = null;
  };

  const listen = async (signal: AbortSignal) => {
    const stream = await getStream(href, signal);
    signal.throwIfAborted();
    failures = 0;
    on.connected();
    for await (const event of readEvents(stream)) {
      signal.throwIfAborted();
      if (event.name === name) on.event(JSON.parse(event.data) as Event);
    }
    throw new OfflineError('connection lost');
  };

  const connect = async () => {
    disconnect();
    connection = new AbortController();
    const { signal } = connection;
    try {
      await listen(signal);
    } catch (error) {
      if (signal.aborted) return;
      disconnect();
      failures += 1;
      if (error instanceof RefusedError) unlisten();
      else timer = setTimeout(connect, backoffMs(failures));
      on.lost(error as Error);
    }
  };

  const unlisten = onVisibility((visible) => (visible ? void connect() : disconnect()));
  if (document.visibilityState === 'visible') void connect();
  return () => {
    unlisten();
    disconnect();
  };
}
