import { useEffect, useRef, useState } from 'preact/hooks';
import type { FunctionResource } from '../api/function-types';
import { FaultText } from '../components/fields';
import { FunctionDeadLetters } from '../components/function-dead-letters';
import { FunctionEditor } from '../components/function-editor';
import { FunctionLogs } from '../components/function-logs';
import { FunctionOverview } from '../components/function-overview';
import { FunctionSource, useVersion } from '../components/function-source';
import { FunctionStateTag } from '../components/function-state';
import { FunctionTap } from '../components/function-tap';
import { TrialPane } from '../components/function-trial';
import { FunctionVersions } from '../components/function-versions';
import { Ago } from '../components/ago';
import { Name } from '../components/name';
import { NothingYet, Notice, OldNotice } from '../components/notice';
import { formatCount } from '../model/format';
import { seesReports } from '../model/functions';
import { FUNCTION_TABS, functionPath, FUNCTIONS_PATH, type FunctionTab } from '../router';
import { Draft } from '../state/draft';
import { FunctionData } from '../state/function-data';

/** One function: how it does, its code and versions, and what passes it. */
export function FunctionPage({ name, tab }: { name: string; tab: FunctionTab }) {
  const [data] = useState(() => new FunctionData(name));
  useEffect(() => data.start(), [data]);
  useEffect(() => void (document.title = `${name} · upto`), [name]);
  const [fn, problem] = [data.resource.value, data.problem.value];
  // What is being edited lasts while one looks at the other views.
  const [draft, setDraft] = useState<Draft | null>(null);
  if (fn === null)
    return <NothingYet error={problem} all={{ href: FUNCTIONS_PATH, text: 'All functions' }} />;
  return (
    <>
      {problem !== null && <OldNotice error={problem} />}
      {fn.problem !== null && (
        <Notice kind="bad">
          <b>Broken on this server:</b> <Name text={fn.problem} />
        </Notice>
      )}
      {fn.rolled_back !== null && (tab === 'overview' || tab === 'versions') && <RolledBack fn={fn} />}
      <main class="page">
        <Head fn={fn} />
        <Tabs fn={fn} tab={tab} />
        {isOffered(fn, tab) ? (
          <TabView data={data} fn={fn} tab={tab} draft={draft} setDraft={setDraft} />
        ) : (
          <FromFolder fn={fn} />
        )}
      </main>
    </>
  );
}

function Head({ fn }: { fn: FunctionResource }) {
  return (
    <div class="function-head">
      <h1>{fn.name}</h1>
      <FunctionStateTag fn={fn} />
      <span class="is-quiet">{runsText(fn)}</span>
    </div>
  );
}

function runsText({ source, language, active, running, versions }: FunctionResource): string {
  const what = language === 'lua' ? 'Lua' : 'Wasm';
  if (source === 'folder') return `${what}, from a folder: it can be watched here, and changed by its file`;
  if (active === null) return `${what}, no version is active; the newest is ${versions}`;
  const here = running === active ? '' : running === null ? ', none runs here' : `, ${running} runs here`;
  return `${what}, version ${active}${here}${versions > active ? `; the newest is ${versions}` : ''}`;
}

function RolledBack({ fn }: { fn: FunctionResource }) {
  const { version, reason, at } = fn.rolled_back!;
  return (
    <Notice kind="lost">
      The canary, version {version}, was rolled back <Ago time={at} />: <Name text={reason} />.
    </Notice>
  );
}

const TAB_TEXTS: Record<FunctionTab, string> = {
  overview: 'Overview',
  source: 'Source',
  versions: 'Versions',
  try: 'Edit and try',
  logs: 'Logs',
  tap: 'Tap',
  'dead-letters': 'Dead letters',
};

/** Of a function from a folder the store has no versions. */
function isOffered(fn: FunctionResource, tab: FunctionTab): boolean {
  return fn._links.versions !== undefined || (tab !== 'source' && tab !== 'versions');
}

/** The tap and dead letters are of reports. An address that is typed by hand shows them all the same. */
function isListed(fn: FunctionResource, tab: FunctionTab): boolean {
  return isOffered(fn, tab) && (seesReports(fn) || (tab !== 'tap' && tab !== 'dead-letters'));
}

function Tabs({ fn, tab }: { fn: FunctionResource; tab: FunctionTab }) {
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a narrow screen the row scrolls: what is shown must be seen in it.
    nav.current!.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [tab]);
  return (
    <nav class="tabs" aria-label="Views" ref={nav}>
      {FUNCTION_TABS.filter((each) => isListed(fn, each)).map((each) => (
        <a key={each} href={functionPath(fn.name, each)} aria-current={each === tab ? 'page' : undefined}>
          {each === 'try' && fn.source === 'folder' ? 'Try' : TAB_TEXTS[each]}
          {each === 'dead-letters' && fn.dead_letters > 0 && (
            <span class="tab-count">{formatCount(fn.dead_letters)}</span>
          )}
        </a>
      ))}
    </nav>
  );
}

interface TabViewProps {
  data: FunctionData;
  fn: FunctionResource;
  tab: FunctionTab;
  draft: Draft | null;
  setDraft: (draft: Draft) => void;
}

function TabView({ data, fn, tab, draft, setDraft }: TabViewProps) {
  switch (tab) {
    case 'overview':
      return (
        <>
          {fn.source === 'folder' && <FromFolder fn={fn} />}
          <FunctionOverview fn={fn} />
        </>
      );
    case 'source':
      return <FunctionSource fn={fn} />;
    case 'versions':
      return <FunctionVersions data={data} fn={fn} />;
    case 'try':
      return <Edit data={data} fn={fn} draft={draft} setDraft={setDraft} />;
    case 'logs':
      return <FunctionLogs fn={fn} />;
    case 'tap':
      return <FunctionTap fn={fn} />;
    case 'dead-letters':
      return <FunctionDeadLetters fn={fn} />;
  }
}

/** The editor, filled with the version that runs, or with the newest where none does. */
function Edit({ data, fn, draft, setDraft }: Omit<TabViewProps, 'tab'>) {
  const href = fn._links.version?.href ?? (fn._links.versions && `${fn._links.versions.href}/${fn.versions}`);
  const { version, failure } = useVersion(draft === null ? (href ?? null) : null);
  useEffect(() => {
    // Of a function from a folder the code is not known, only what it does.
    if (draft === null && (version !== null || href === undefined)) setDraft(new Draft({ fn, version }));
  }, [version]);
  if (draft === null) return <NothingYet error={failure} />;
  const tryHref = async () => fn._links.try.href;
  if (fn.source === 'folder') {
    const fault = draft.fault.value;
    return (
      <>
        <TrialPane draft={draft} onTry={() => void draft.try(tryHref)} />
        {fault?.place !== 'reports' && <FaultText fault={fault} />}
      </>
    );
  }
  return (
    <>
      <p class="is-quiet">
        This began with version {draft.base.value}
        {draft.base.value !== fn.active && ', which is not active'}
        {draft.base.value! < fn.versions && `; the newest is ${fn.versions}`}.
      </p>
      <FunctionEditor
        draft={draft}
        isNew={false}
        selfHref={async () => fn._links.self.href}
        tryHref={tryHref}
        onDeployed={(deployed) => data.take(deployed)}
      />
    </>
  );
}

function FromFolder({ fn }: { fn: FunctionResource }) {
  return (
    <p class="blank-note">
      This function is a file in a folder that the server was started with (<code>--scripts</code> or{' '}
      <code>--plugins</code>). It has no versions and can’t be deployed over: change the file{' '}
      <code>
        {fn.name}.{fn.language}
      </code>
      , and the server loads it anew within seconds.
    </p>
  );
}
