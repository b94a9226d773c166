import { useState } from 'preact/hooks';
import type { Deployed } from '../api/function-types';
import { functionPath } from '../router';
import type { Draft } from '../state/draft';
import { FaultText } from './fields';
import { FunctionForm } from './function-form';
import { TrialPane } from './function-trial';

interface FunctionEditorProps {
  draft: Draft;
  isNew: boolean;
  /** Where the function is put: of a new one that follows from what is typed as its name. */
  selfHref: () => Promise<string>;
  tryHref: () => Promise<string>;
  onDeployed: (deployed: Deployed) => void;
}

/** A draft beside what it makes of reports, with the buttons that make a version of it. */
export function FunctionEditor({ draft, isNew, selfHref, tryHref, onDeployed }: FunctionEditorProps) {
  const onTry = () => void draft.try(tryHref);
  const deploy = async (activate: boolean) => {
    const deployed = await draft.deploy(selfHref, activate);
    if (deployed !== null) onDeployed(deployed);
  };
  return (
    <div
      class="workbench"
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && draft.busy.value === '') onTry();
      }}
    >
      <div class="workbench-form">
        <FunctionForm draft={draft} isNew={isNew} />
        <DeployBar draft={draft} isNew={isNew} deploy={deploy} />
      </div>
      <TrialPane draft={draft} onTry={onTry} />
    </div>
  );
}

interface DeployBarProps {
  draft: Draft;
  isNew: boolean;
  deploy: (activate: boolean) => Promise<void>;
}

function DeployBar({ draft, isNew, deploy }: DeployBarProps) {
  const [asked, setAsked] = useState(true);
  const busy = draft.busy.value !== '';
  const fault = draft.fault.value;
  const run = (activate: boolean) => {
    setAsked(activate);
    void deploy(activate);
  };
  return (
    <div class="deploy-bar">
      <div class="actions">
        <button class="button is-primary" onClick={() => run(true)} disabled={busy}>
          {draft.busy.value === 'deploy' && asked ? 'Checking…' : 'Deploy'}
        </button>
        <button class="button" onClick={() => run(false)} disabled={busy}>
          {draft.busy.value === 'deploy' && !asked ? 'Checking…' : 'Deploy without activating'}
        </button>
        {draft.dirty.value && (
          <button class="button is-quiet" onClick={() => draft.reset()} disabled={busy}>
            {isNew ? 'Start over' : 'Discard changes'}
          </button>
        )}
      </div>
      {fault?.place === 'general' ? (
        <FaultText fault={fault} />
      ) : fault !== null && fault.place !== 'reports' ? (
        <p class="fault">It was refused: see {PLACES[fault.place]}.</p>
      ) : (
        <DeployedText draft={draft} isNew={isNew} />
      )}
    </div>
  );
}

const PLACES = { name: 'the name', code: 'the code', settings: 'the settings', cases: 'the cases' };

function DeployedText({ draft, isNew }: { draft: Draft; isNew: boolean }) {
  const deployed = draft.deployed.value;
  if (deployed === null) {
    return (
      <p class="hint">
        Deploying checks the code and runs the cases. Then {isNew ? 'it' : 'the new version'} takes{' '}
        {draft.seesReports.value ? 'reports' : 'requests'} at once, on all servers; without activating it
        waits until you say so.
      </p>
    );
  }
  const { version, active, isNew: made } = deployed;
  const text = made
    ? `Version ${version} was made${active ? ' and is active.' : '; it is not active.'}`
    : `Nothing changed: this is version ${version}, which is ${active ? '' : 'not '}active.`;
  return (
    <p class="good" role="status">
      {text}{' '}
      {!active && (
        <a href={functionPath(draft.form.value.name, 'versions')}>Activate it, or start it as a canary</a>
      )}
    </p>
  );
}
