import { useState } from 'preact/hooks';
import { Collection } from '../api/collection';
import type { FunctionResource, Version } from '../api/function-types';
import { withQuery } from '../api/template';
import { contextsText, formatBytes, seesReports } from '../model/functions';
import { formatCount } from '../model/format';
import type { FunctionData } from '../state/function-data';
import { Ago } from './ago';
import { More, useFresh } from './collection';
import { TextDifference } from './difference';
import { useVersion } from './function-source';
import { Name } from './name';
import { Question, type Asked } from './function-question';
import { NothingYet, OldNotice } from './notice';

interface VersionsProps {
  data: FunctionData;
  fn: FunctionResource;
}

/** All versions of a function: what runs, what ran, and the switches between them. */
export function FunctionVersions({ data, fn }: VersionsProps) {
  const [versions] = useState(
    () => new Collection<'versions', Version>(async () => fn._links.versions!.href, 'versions'),
  );
  const [asked, setAsked] = useState<Asked | null>(null);
  const [compared, setCompared] = useState<{ from: number; to: number } | null>(null);
  const problem = useFresh(versions);
  const items = versions.items.value;
  const close = () => {
    setAsked(null);
    // Of a function that was deleted there are no versions to ask for.
    if (asked?.what !== 'delete') void versions.refresh().catch(() => undefined);
  };
  if (items === null) return <NothingYet error={problem} />;
  return (
    <>
      {problem !== null && <OldNotice error={problem} />}
      <Switches fn={fn} ask={setAsked} />
      <div class="scroll-x">
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Made</th>
              <th scope="col">By</th>
              {seesReports(fn) && (
                <>
                  <th scope="col">Contexts</th>
                  <th scope="col" class="is-number">
                    Order
                  </th>
                </>
              )}
              <th scope="col" class="is-number">
                Cases
              </th>
              <th scope="col" class="is-number">
                Size
              </th>
              <th scope="col">SHA-256</th>
              <th scope="col">
                <span class="hidden-text">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((version) => (
              <VersionRow
                key={version.version}
                fn={fn}
                version={version}
                ask={setAsked}
                compare={(from, to) => setCompared({ from, to })}
              />
            ))}
          </tbody>
        </table>
      </div>
      <More collection={versions} />
      <Compare
        fn={fn}
        numbers={items.map(({ version }) => version)}
        compared={compared ?? lastTwo(items)}
        onChange={setCompared}
      />
      {asked !== null && <Question data={data} fn={fn} asked={asked} onClose={close} />}
    </>
  );
}

function lastTwo(items: readonly Version[]): { from: number; to: number } | null {
  return items.length < 2 ? null : { from: items[1].version, to: items[0].version };
}

function Switches({ fn, ask }: { fn: FunctionResource; ask: (asked: Asked) => void }) {
  return (
    <div class="actions">
      {fn.canary !== null && (
        <>
          <button class="button is-primary" onClick={() => ask({ what: 'promote' })}>
            Promote the canary
          </button>
          <button class="button" onClick={() => ask({ what: 'end-canary' })}>
            End the canary
          </button>
        </>
      )}
      <span class="spring" />
      {fn.active !== null && (
        <button class="button" onClick={() => ask({ what: 'disable' })}>
          Disable
        </button>
      )}
      <button class="button is-grave" onClick={() => ask({ what: 'delete' })}>
        Delete…
      </button>
    </div>
  );
}

interface VersionRowProps {
  fn: FunctionResource;
  version: Version;
  ask: (asked: Asked) => void;
  compare: (from: number, to: number) => void;
}

function VersionRow({ fn, version, ask, compare }: VersionRowProps) {
  const number = version.version;
  const active = number === fn.active;
  const canary = number === fn.canary?.version;
  return (
    <tr class={active ? 'is-current' : undefined}>
      <th scope="row">
        <span class="list-name">{number}</span> {active && <span class="tag is-active">active</span>}
        {canary && <span class="tag">canary</span>}
      </th>
      <td>
        <Ago time={version.created_at} />
      </td>
      <td>{version.author === '' ? <span class="is-quiet">–</span> : <Name text={version.author} />}</td>
      {seesReports(fn) && (
        <>
          <td class="is-cut">
            <Name text={contextsText(version.settings)} />
          </td>
          <td class="is-number">{version.settings.order}</td>
        </>
      )}
      <td class="is-number">{formatCount(version.cases)}</td>
      <td class="is-number">{formatBytes(version.size)}</td>
      <td>
        <code title={version.sha256}>{version.sha256.slice(0, 10)}</code>
      </td>
      <td class="row-actions">
        {!active && (
          <>
            {fn.active !== null && (
              <RowButton text="Compare" number={number} onClick={() => compare(number, fn.active!)} />
            )}
            {fn.active !== null && !canary && (
              <RowButton
                text="Canary…"
                number={number}
                onClick={() => ask({ what: 'canary', version: number })}
              />
            )}
            <RowButton
              text={fn.active !== null && number < fn.active ? 'Roll back' : 'Activate'}
              number={number}
              onClick={() => ask({ what: 'activate', version: number })}
            />
          </>
        )}
      </td>
    </tr>
  );
}

function RowButton({ text, number, onClick }: { text: string; number: number; onClick: () => void }) {
  return (
    <button class="link" onClick={onClick} aria-label={`${text}: version ${number}`}>
      {text}
    </button>
  );
}

interface CompareProps {
  fn: FunctionResource;
  numbers: readonly number[];
  compared: { from: number; to: number } | null;
  onChange: (compared: { from: number; to: number }) => void;
}

function Compare({ fn, numbers, compared, onChange }: CompareProps) {
  if (compared === null) return null;
  const { from, to } = compared;
  const pick = (label: string, value: number, take: (number: number) => void) => (
    <label class="field">
      <span class="field-label">{label}</span>
      <select value={value} onChange={(event) => take(Number(event.currentTarget.value))}>
        {numbers.map((number) => (
          <option key={number} value={number}>
            {number}
            {number === fn.active && ' (active)'}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <section aria-label="Compare versions">
      <div class="actions section-head">
        <h2>What changed</h2>
        {pick('from version', from, (number) => onChange({ from: number, to }))}
        {pick('to version', to, (number) => onChange({ from, to: number }))}
      </div>
      <VersionsDifference href={`${fn._links.versions!.href}/${to}`} from={from} to={to} />
    </section>
  );
}

function VersionsDifference({ href, from, to }: { href: string; from: number; to: number }) {
  const { version, failure } = useVersion(withQuery(href, 'with', String(from)));
  if (failure !== null) {
    return (
      <p class="fault" role="alert">
        <Name text={failure.message} />
      </p>
    );
  }
  if (version?.diff === undefined) return null;
  if (from === to || version.diff === '') return <p class="blank-note">Nothing differs.</p>;
  return <TextDifference text={version.diff} label={`Difference from version ${from} to version ${to}`} />;
}
