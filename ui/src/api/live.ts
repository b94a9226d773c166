import { backoffMs, onVisibility } from './repeat';
import type { Change } from './types';

/**
 * Follows a timeline's stream of changes. The server tells where things stand at once on connecting, so
 * nothing is missed between two connections. A hidden page lets go of its connection: browsers allow six
 * to a server, and a seventh forgotten tab would block the page that someone looks at.
 * Returns what ends it.
 */
export function follow(
  href: string,
  on: { change: (change: Change) => void; connected: (connected: boolean) => void },
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
    opened.addEventListener('change', (event) => on.change(JSON.parse(event.data as string) as Change));
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
