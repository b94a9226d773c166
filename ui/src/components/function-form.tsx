import { useId } from 'preact/hooks';
import type { Language, OnError } from '../api/function-types';
import { onlyReceives, type Place } from '../model/draft';
import { exampleOf, EXAMPLES } from '../model/example';
import { FUNCTION_NAME, formatBytes } from '../model/functions';
import type { Draft, Fault } from '../state/draft';
import { CodeEditor } from './code-editor';
import { Check, Choice, FaultText, TextField } from './fields';
import { Verdicts } from './function-trial';
import { Name } from './name';
import { Segment, Segments } from './segments';

/** Short enough for a third of the editor. */
const ON_ERROR_OPTIONS: readonly { value: OnError; text: string }[] = [
  { value: 'pass', text: 'pass: unchanged' },
  { value: 'drop', text: 'drop: not stored' },
  { value: 'dead-letter', text: 'dead-letter: kept' },
];

/** Code, settings and cases of a draft. What was refused is said where it stands. */
export function FunctionForm({ draft, isNew }: { draft: Draft; isNew: boolean }) {
  const fault = draft.fault.value;
  return (
    <div class="form-parts">
      {isNew && <NameAndLanguage draft={draft} fault={faultAt(fault, 'name')} />}
      {isNew && draft.form.value.language === 'lua' && <Examples draft={draft} />}
      {draft.form.value.language === 'lua' ? (
        <LuaCode draft={draft} fault={faultAt(fault, 'code')} />
      ) : (
        <Component draft={draft} isNew={isNew} fault={faultAt(fault, 'code')} />
      )}
      <SettingsFields draft={draft} fault={faultAt(fault, 'settings')} />
      <Cases draft={draft} fault={faultAt(fault, 'cases')} />
    </div>
  );
}

function faultAt(fault: Fault | null, place: Place): Fault | null {
  return fault?.place === place ? fault : null;
}

function NameAndLanguage({ draft, fault }: { draft: Draft; fault: Fault | null }) {
  const { name, language } = draft.form.value;
  const choose = (chosen: Language) => draft.set({ language: chosen });
  return (
    <div class="fields">
      <TextField
        title="Name"
        hint="Lower-case letters, digits, “-” and “_”. A number in front is its place in the order."
        placeholder="20-rename"
        value={name}
        onInput={(value) => draft.set({ name: value.trim() })}
        fault={fault?.message}
      />
      <Segments label="Language">
        <Segment on={language === 'lua'} onClick={() => choose('lua')} text="Lua" />
        <Segment on={language === 'wasm'} onClick={() => choose('wasm')} text="Wasm" />
      </Segments>
    </div>
  );
}

/** What the code begins with. What somebody has written is not replaced. */
function Examples({ draft }: { draft: Draft }) {
  const form = draft.form.value;
  const example = exampleOf(form);
  return (
    <div class="form-part examples">
      <div class="actions">
        <Segments label="Example">
          {EXAMPLES.map((each) => (
            <Segment
              key={each.title}
              on={each === example}
              onClick={() => draft.begin(each)}
              text={each.title}
              disabled={example === null}
            />
          ))}
        </Segments>
        {example === null && <span class="hint">“Start over” brings them back.</span>}
      </div>
      <p class="hint">
        {onlyReceives(form) ? (
          <>
            Its address will be <code>POST /hooks/{FUNCTION_NAME.test(form.name) ? form.name : 'NAME'}</code>;
            docs/functions.md tells how to check a signature.
          </>
        ) : (
          'Each report passes it before it is stored.'
        )}
      </p>
    </div>
  );
}

function LuaCode({ draft, fault }: { draft: Draft; fault: Fault | null }) {
  const id = useId();
  return (
    <section class="form-part">
      <h2>Code</h2>
      <CodeEditor
        value={draft.form.value.source}
        language="lua"
        label="Code"
        rows={16}
        errorLine={fault?.line ?? null}
        errorId={fault === null ? undefined : id}
        onInput={(source) => draft.set({ source })}
      />
      <FaultText fault={fault} id={id} />
    </section>
  );
}

function Component({ draft, isNew, fault }: { draft: Draft; isNew: boolean; fault: Fault | null }) {
  const id = useId();
  const chosen = draft.component.value;
  const choose = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (file !== undefined) await draft.choose(file);
  };
  return (
    <section class="form-part">
      <h2>
        <label for={id}>Component</label>
      </h2>
      <input
        id={id}
        type="file"
        accept=".wasm,application/wasm"
        onChange={(event) => choose(event.currentTarget)}
        aria-describedby={`${id}-hint`}
      />
      <p class="hint" id={`${id}-hint`}>
        {chosen !== null ? (
          <>
            <Name text={chosen.file} />, {formatBytes(chosen.bytes.length)}
          </>
        ) : isNew ? (
          'A .wasm file: a component, as Rust, C and others make them.'
        ) : (
          'A new .wasm file; without one the component of the version goes on.'
        )}
      </p>
      <FaultText fault={fault} />
    </section>
  );
}

function SettingsFields({ draft, fault }: { draft: Draft; fault: Fault | null }) {
  const { order, contexts, onError, memory } = draft.form.value;
  const reports = draft.seesReports.value;
  return (
    <section class="form-part">
      <h2>Settings</h2>
      {reports && (
        <div class="fields">
          <TextField
            title="Order"
            hint="Lower comes first. Empty: the number that the name begins with, else 100."
            placeholder="100"
            value={order}
            onInput={(value) => draft.set({ order: value })}
          />
          <TextField
            title="Contexts"
            hint="Commas between them; * stands for anything. Empty: all contexts."
            placeholder="all"
            value={contexts}
            onInput={(value) => draft.set({ contexts: value })}
          />
          <Choice
            title="On error"
            hint="What happens to a report on which it fails."
            value={onError}
            options={ON_ERROR_OPTIONS}
            onChange={(value) => draft.set({ onError: value })}
          />
        </div>
      )}
      <Check checked={memory} onChange={(value) => draft.set({ memory: value })}>
        Memory: it keeps what it remembers from one {reports ? 'report' : 'request'} to the next, until it is
        started anew
      </Check>
      <FaultText fault={fault} />
    </section>
  );
}

function Cases({ draft, fault }: { draft: Draft; fault: Fault | null }) {
  const id = useId();
  return (
    <section class="form-part">
      <h2>Cases</h2>
      <p class="hint">
        Reports or requests that go in, and what must come out. All must pass before a version is made; none
        is fine too.
      </p>
      <CodeEditor
        value={draft.form.value.cases}
        language="json"
        label="Cases as JSON"
        rows={6}
        errorLine={fault?.line ?? null}
        errorId={fault === null ? undefined : id}
        onInput={(cases) => draft.set({ cases })}
      />
      <FaultText fault={fault} id={id} />
      {fault !== null && <Verdicts verdicts={fault.verdicts} />}
    </section>
  );
}
