import { useEffect, useState } from 'preact/hooks';
import { entry, functionHref, get } from '../api/client';
import type { FunctionResource } from '../api/function-types';
import type { Page } from '../api/types';
import { FunctionEditor } from '../components/function-editor';
import { FormError } from '../model/draft';
import { FUNCTION_NAME } from '../model/functions';
import { functionPath, navigate } from '../router';
import { Draft } from '../state/draft';

/** Where a new function is written and tried before it is deployed. */
export function NewFunctionPage() {
  const [draft] = useState(() => new Draft(null));
  useEffect(() => void (document.title = 'New function · upto'), []);
  return (
    <main class="page">
      <h1>New function</h1>
      <FunctionEditor
        draft={draft}
        isNew
        selfHref={() => freeHref(draft.form.value.name)}
        tryHref={() => tryHref(draft.form.value.name)}
        onDeployed={(deployed) => navigate(functionPath(deployed.name))}
      />
    </main>
  );
}

/** It can be tried before it has a name. */
async function tryHref(name: string): Promise<string> {
  return `${functionHref(await entry(), FUNCTION_NAME.test(name) ? name : 'new')}/try`;
}

/** Where a function of that name goes. What would become a version of another one is no new function. */
async function freeHref(name: string): Promise<string> {
  const api = await entry();
  const answer = await get<Page<'functions', FunctionResource>>(api._links.functions.href);
  const taken = answer!.body._embedded.functions.some((each) => each.name === name);
  if (!taken) return functionHref(api, name);
  throw new FormError('name', `There is a function ${name} already. Choose another name, or edit that one.`);
}
