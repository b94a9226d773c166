import { useState } from 'preact/hooks';
import type { FunctionResource } from '../api/function-types';
import { canaryText } from '../model/functions';
import type { FunctionData } from '../state/function-data';
import { Confirm } from './dialog';
import { Check, Choice, TextField } from './fields';

interface CanaryDialogProps {
  data: FunctionData;
  fn: FunctionResource;
  version: number;
  onClose: () => void;
}

/** Starts a version for a part of the reports. Below the fields stands what that means. */
export function CanaryDialog({ data, fn, version, onClose }: CanaryDialogProps) {
  const [share, setShare] = useState('10');
  const [by, setBy] = useState<'context' | 'host'>('host');
  const [shadow, setShadow] = useState(false);
  const [limit, setLimit] = useState('5');
  const wanted = { version, share: percent(share), by, shadow, max_error_rate: percent(limit) };
  const start = async () => {
    if (Number.isNaN(wanted.share) || wanted.share === 0)
      throw new Error('The share is a number above 0, up to 100.');
    if (Number.isNaN(wanted.max_error_rate)) throw new Error('The limit is a number from 0 to 100.');
    await data.change(fn._links.canary!.href, wanted);
  };
  const known = !Number.isNaN(wanted.share) && !Number.isNaN(wanted.max_error_rate);
  return (
    <Confirm title={`Version ${version} as a canary`} action="Start" onConfirm={start} onClose={onClose}>
      <div class="fields">
        <TextField
          title="Share, in %"
          hint="Of the hosts or contexts."
          numeric
          value={share}
          onInput={setShare}
        />
        <Choice
          title="Chosen by"
          hint="All reports of one go the same way."
          value={by}
          options={[
            { value: 'host', text: 'host' },
            { value: 'context', text: 'context' },
          ]}
          onChange={setBy}
        />
        <TextField
          title="Limit, in %"
          hint="Of failures; above it, it is rolled back."
          numeric
          value={limit}
          onInput={setLimit}
        />
      </div>
      <Check checked={shadow} onChange={setShadow}>
        In shadow: it runs, but only to compare the results
      </Check>
      {known && <p class="is-quiet">{canaryText(wanted)}</p>}
    </Confirm>
  );
}

/** A percentage as a share, or NaN. */
function percent(text: string): number {
  const value = Number(text.replace(',', '.'));
  return text.trim() === '' || value < 0 || value > 100 ? NaN : value / 100;
}
