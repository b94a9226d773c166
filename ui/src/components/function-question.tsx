import { change } from '../api/client';
import type { FunctionResource } from '../api/function-types';
import { activationText, deletionText } from '../model/functions';
import { navigate } from '../router';
import type { FunctionData } from '../state/function-data';
import { CanaryDialog } from './canary-dialog';
import { Confirm } from './dialog';

/** What a person is being asked about. */
export type Asked =
  | { what: 'activate' | 'canary'; version: number }
  | { what: 'promote' | 'end-canary' | 'disable' | 'delete' };

interface QuestionProps {
  data: FunctionData;
  fn: FunctionResource;
  asked: Asked;
  onClose: () => void;
}

/** Says what a change of versions will do, and does it when told to. */
export function Question({ data, fn, asked, onClose }: QuestionProps) {
  const activate = (version: number) => data.change(fn._links.activate!.href, { version });
  switch (asked.what) {
    case 'canary':
      return <CanaryDialog data={data} fn={fn} version={asked.version} onClose={onClose} />;
    case 'activate': {
      const { version } = asked;
      const back = fn.active !== null && version < fn.active;
      return (
        <Confirm
          title={`${back ? 'Roll back to' : 'Activate'} version ${version}?`}
          action={back ? 'Roll back' : 'Activate'}
          onConfirm={() => activate(version)}
          onClose={onClose}
        >
          <p>{activationText(fn, version)}</p>
        </Confirm>
      );
    }
    case 'promote':
      return (
        <Confirm
          title={`Promote version ${fn.canary?.version}?`}
          action="Promote"
          onConfirm={() => activate(fn.canary!.version)}
          onClose={onClose}
        >
          <p>{fn.canary !== null && activationText(fn, fn.canary.version)}</p>
        </Confirm>
      );
    case 'end-canary':
      return (
        <Confirm
          title="End the canary?"
          action="End it"
          onConfirm={() => data.endCanary(fn._links.canary!.href)}
          onClose={onClose}
        >
          <p>
            Version {fn.active} takes all reports again. Version {fn.canary?.version} stays in the list.
          </p>
        </Confirm>
      );
    case 'disable':
      return (
        <Confirm
          title={`Disable ${fn.name}?`}
          action="Disable"
          onConfirm={() => data.change(fn._links.disable!.href, {})}
          onClose={onClose}
        >
          <p>
            No version of it runs any more: reports pass by it untouched, on all servers. Activate a version
            to switch it on again.
          </p>
        </Confirm>
      );
    case 'delete':
      return (
        <Confirm
          title={`Delete ${fn.name}?`}
          action="Delete for good"
          final
          typed={fn.name}
          onConfirm={async () => {
            await change(fn._links.self.href, { method: 'DELETE' });
            navigate('/f');
          }}
          onClose={onClose}
        >
          <p>{deletionText(fn)}</p>
        </Confirm>
      );
  }
}
