import { useState } from 'preact/hooks';
import { change } from '../api/client';
import { Collection } from '../api/collection';
import type { DeadLetter, FunctionResource } from '../api/function-types';
import { withQuery } from '../api/template';
import { plural } from '../model/format';
import { Ago } from './ago';
import { More, useFresh } from './collection';
import { Confirm } from './dialog';
import { ReportLine } from './difference';
import { Name } from './name';
import { NothingYet, OldNotice } from './notice';
import { Passage } from './passage';

interface Replayed {
  replayed: number;
  failed_again: number;
}

/** Reports that were set aside as the function failed on them. */
export function FunctionDeadLetters({ fn }: { fn: FunctionResource }) {
  const { href } = fn._links.dead_letters;
  const [letters] = useState(
    () => new Collection<'dead_letters', DeadLetter>(async () => href, 'dead_letters'),
  );
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState(false);
  /** Which letter, or all, a person is being asked whether to delete. */
  const [deleting, setDeleting] = useState<DeadLetter | 'all' | null>(null);
  const problem = useFresh(letters);
  const items = letters.items.value;
  const run = async (task: () => Promise<string>) => {
    setBusy(true);
    try {
      setSaid(await task());
      await letters.refresh();
    } catch (error) {
      setSaid((error as Error).message);
    }
    setBusy(false);
  };
  const replay = (ids?: string[]) =>
    run(async () => {
      const body = ids === undefined ? {} : { ids };
      const answer = (await change<Replayed>(`${href}/replay`, { method: 'POST', body }))!;
      return replayedText(answer);
    });
  if (items === null) return <NothingYet error={problem} />;
  return (
    <>
      {problem !== null && <OldNotice error={problem} />}
      <div class="actions">
        <button class="button" disabled={busy || items.length === 0} onClick={() => replay()}>
          Replay all
        </button>
        <button
          class="button is-grave"
          disabled={busy || items.length === 0}
          onClick={() => setDeleting('all')}
        >
          Delete all…
        </button>
        <span class="is-quiet" role="status">
          <Name text={said} />
        </span>
      </div>
      {items.length === 0 ? (
        <NoLetters fn={fn} />
      ) : (
        <ol class="passages" aria-label="Dead letters">
          {items.map((letter) => (
            <Letter
              key={letter.id}
              letter={letter}
              busy={busy}
              onReplay={() => replay([letter.id])}
              onDelete={() => setDeleting(letter)}
            />
          ))}
        </ol>
      )}
      <More collection={letters} />
      {deleting !== null && (
        <Confirm
          title={deleting === 'all' ? 'Delete all dead letters?' : 'Delete this dead letter?'}
          action="Delete for good"
          final
          onConfirm={async () => {
            await change(deleting === 'all' ? href : withQuery(href, 'id', deleting.id), {
              method: 'DELETE',
            });
            await letters.refresh();
          }}
          onClose={() => setDeleting(null)}
        >
          {deleting === 'all' ? (
            <p>All dead letters of {fn.name} are gone for good: their reports are never stored.</p>
          ) : (
            <>
              <p>It is gone for good: its report is never stored.</p>
              <ReportLine report={deleting.report} />
            </>
          )}
        </Confirm>
      )}
    </>
  );
}

function replayedText({ replayed, failed_again: again }: Replayed): string {
  const stored = replayed - again;
  if (replayed === 0) return 'There was nothing to replay.';
  return `Replayed ${plural(replayed, 'report')}: ${stored} went through${again > 0 ? `, ${again} failed again` : ''}.`;
}

function NoLetters({ fn }: { fn: FunctionResource }) {
  return (
    <p class="blank-note">
      {fn.settings.on_error === 'dead-letter'
        ? 'None. A report on which this function fails is kept here, to be replayed once the function is mended.'
        : 'None. With “dead-letter” as its setting “On error”, reports on which it fails are kept here, to be replayed once it is mended.'}
    </p>
  );
}

interface LetterProps {
  letter: DeadLetter;
  busy: boolean;
  onReplay: () => void;
  onDelete: () => void;
}

function Letter({ letter, busy, onReplay, onDelete }: LetterProps) {
  const { report, reason, cause, version, at } = letter;
  return (
    <Passage
      before={report}
      outcome="failed"
      failure={{ cause, message: reason }}
      aside={
        <>
          {version !== null && `v${version} · `}
          <Ago time={at} />
        </>
      }
    >
      <button class="button" disabled={busy} onClick={onReplay}>
        Replay
      </button>
      <button class="button is-grave" disabled={busy} onClick={onDelete}>
        Delete…
      </button>
    </Passage>
  );
}
