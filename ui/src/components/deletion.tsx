import { useState } from 'preact/hooks';
import { change } from '../api/client';
import type { Timeline } from '../api/types';
import { contextDeletionText, runDeletionText } from '../model/deletion';
import { visibleText } from '../model/text';
import { navigate, pathOf } from '../router';
import { Confirm } from './dialog';
import { Name } from './name';

/** The button that deletes a run, for who confirms it. Then its context is shown. */
export function DeleteRun({ timeline, isNewest }: { timeline: Timeline; isNewest: boolean }) {
  const [asked, setAsked] = useState(false);
  const { context, number, name, _links } = timeline;
  const remove = async () => {
    await change(_links.self.href, { method: 'DELETE' });
    navigate(pathOf(context));
  };
  return (
    <>
      <DeleteButton onClick={() => setAsked(true)} />
      {asked && (
        <Confirm
          title={`Delete run #${number}?`}
          action="Delete for good"
          final
          onConfirm={remove}
          onClose={() => setAsked(false)}
        >
          <p>
            Run #{number} {name !== null && <Name text={name} />} of <Name text={context} />.{' '}
            {runDeletionText(timeline, isNewest)}
          </p>
        </Confirm>
      )}
    </>
  );
}

interface DeleteContextProps {
  context: string;
  /** Where it is. */
  href: () => Promise<string>;
  runs: number;
  /** Whether it has more runs than `runs`. */
  more: boolean;
}

/** The button that deletes a context, for who types its name. Then all contexts are shown. */
export function DeleteContext({ context, href, runs, more }: DeleteContextProps) {
  const [asked, setAsked] = useState(false);
  const shown = visibleText(context);
  const remove = async () => {
    await change(await href(), { method: 'DELETE' });
    navigate('/');
  };
  return (
    <>
      <DeleteButton onClick={() => setAsked(true)} />
      {asked && (
        <Confirm
          title={`Delete ${shown}?`}
          action="Delete for good"
          final
          typed={shown}
          onConfirm={remove}
          onClose={() => setAsked(false)}
        >
          <p>{contextDeletionText(runs, more)}</p>
        </Confirm>
      )}
    </>
  );
}

function DeleteButton({ onClick }: { onClick: () => void }) {
  return (
    <button class="button is-grave" onClick={onClick}>
      Delete…
    </button>
  );
}
