import { useEffect, useState } from 'preact/hooks';
import { OfflineError } from '../api/client';
import type { Collection } from '../api/collection';
import { poll } from '../api/repeat';

const POLL_MS = 2500;

/** Keeps a collection fresh while its page is shown. Tells what went wrong, if something did. */
export function useFresh(collection: Collection<string, unknown>): {
  offline: boolean;
  problem: Error | null;
} {
  const [offline, setOffline] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);
  useEffect(() => {
    const refresh = async () => {
      try {
        await collection.refresh();
        setOffline(false);
      } catch (error) {
        if (error instanceof OfflineError) setOffline(true);
        else setProblem(error as Error);
        throw error;
      }
    };
    return poll(refresh, POLL_MS);
  }, [collection]);
  return { offline, problem };
}

/** The button that shows one page more, while there is one. */
export function More({ collection }: { collection: Collection<string, unknown> }) {
  const [busy, setBusy] = useState(false);
  if (!collection.hasMore.value) return null;
  const more = async () => {
    setBusy(true);
    // A failure needs no word here: the polling meets it too and says so.
    await collection.more().catch(() => undefined);
    setBusy(false);
  };
  return (
    <p class="more">
      <button class="button" onClick={more} disabled={busy}>
        Show more
      </button>
    </p>
  );
}
