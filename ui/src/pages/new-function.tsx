import { useEffect, useState } from 'preact/hooks';
import { entry, functionHref } from '../api/client';
import { FunctionEditor } from '../components/function-editor';
import { functionPath, navigate } from '../router';
import { Draft } from '../state/draft';

/** Where a new function is written and tried before it is deployed. */
export function NewFunctionPage() {
  const [draft] = useState(() => new Draft(null));
  useEffect(() => void (document.title = 'New function · upto'), []);
  const hrefs = async () => {
    // It can be tried before it has a name.
    const self = functionHref(await entry(), draft.form.value.name || 'new');
    return { self, try: `${self}/try` };
  };
  return (
    <main class="page">
      <h1>New function</h1>
      <FunctionEditor
        draft={draft}
        isNew
        hrefs={hrefs}
        onDeployed={(deployed) => navigate(functionPath(deployed.name))}
      />
    </main>
  );
}
