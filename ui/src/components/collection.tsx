import { useEffect, useState } from 'preact/hooks';
import type { Collection } from '../api/collection';
import { poll } from '../api/repeat';

const POLL_MS = 2000;

/** Keeps a collection fresh while its page is shown. Returns why it is not there or old, or null. */
export function useFresh(collection: Collection<string, unknown>): Error | null {
  const [problem, setProblem] = useState<Error | null>(null);
  useEffect(() => {
    const refresh = async () => {
      try {
        await collection.refresh();
        setProblem(null);
      } catch (error) {
        setProblem(error as Error);
        throw error;
      }
    };
    return poll(refresh, POLL_MS);
  }, [collection]);
  return problem;
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
