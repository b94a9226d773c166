import { backoffMs, onVisibility } from './repeat';

/**
 * Follows the events of one name in a stream of the server. A hidden page lets go of its connection: browsers allow six
 * to a server, and a seventh forgotten tab would block the page that someone looks at.
 * Returns what ends it.
 */
export function follow<Event>(
  href: string,
  name: string,
  on: { event: (event: Event) => void; connected: (connected: boolean) => void },
): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const disconnect = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };

  const connect = () => {
    disconnect();
    const opened = new EventSource(href);
    source = opened;
    opened.onopen = () => {
      failures = 0;
      on.connected(true);
    };
    opened.addEventListener(name, (event) =>
      on.event(JSON.parse((event as MessageEvent<string>).data) as Event),
    );
    // The browser's own reconnecting gives up on some errors and waits as it likes: this does not.
    opened.onerror = () => {
      failures += 1;
      on.connected(false);
      disconnect();
      timer = setTimeout(connect, backoffMs(failures));
    };
  };

  const unlisten = onVisibility((visible) => (visible ? connect() : disconnect()));
  if (document.visibilityState === 'visible') connect();
  return () => {
    unlisten();
    disconnect();
  };
}
