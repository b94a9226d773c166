import { useEffect, useState } from 'preact/hooks';
import { entry } from '../api/client';
import { Collection } from '../api/collection';
import type { FunctionResource } from '../api/function-types';
import { Code } from '../components/code';
import { More, useFresh } from '../components/collection';
import { FunctionStateTag } from '../components/function-state';
import { Name } from '../components/name';
import { Blank, NothingYet, OldNotice } from '../components/notice';
import { EXAMPLE } from '../model/example';
import { formatCount } from '../model/format';
import {
  changedOf,
  contextsText,
  failedOf,
  formatMicros,
  formatShort,
  orderText,
  seesReports,
  seesRequests,
} from '../model/functions';
import { visibleText } from '../model/text';
import { functionPath, NEW_FUNCTION_PATH } from '../router';

/** All functions in the order in which reports pass them, each with how it does. */
export function FunctionsPage() {
  const [functions] = useState(
    () =>
      new Collection<'functions', FunctionResource>(
        async () => (await entry())._links.functions.href,
        'functions',
      ),
  );
  const problem = useFresh(functions);
  useEffect(() => void (document.title = 'Functions · upto'), []);
  const items = functions.items.value;
  if (items === null) return <NothingYet error={problem} />;
  return (
    <>
      {problem !== null && <OldNotice error={problem} />}
      <main class="page">
        <div class="page-head">
          <h1>Functions</h1>
          {items.length > 0 && (
            <a class="button is-primary" href={NEW_FUNCTION_PATH}>
              New function
            </a>
          )}
        </div>
        {items.length === 0 ? <NoFunctions /> : <FunctionsTable functions={items} />}
        <More collection={functions} />
      </main>
    </>
  );
}

const NUMBERS = ['In', 'Changed', 'Dropped', 'Failed', 'p50', 'p99'];
const TITLES: Record<string, string> = {
  In: 'Reports and requests that came to it, on this server, since its version was loaded',
  p50: 'Half of the reports or requests take up to this long',
  p99: '99 of 100 reports or requests take up to this long',
};

function FunctionsTable({ functions }: { functions: readonly FunctionResource[] }) {
  return (
    <>
      <p class="is-quiet list-hint">{orderText(functions)}</p>
      <div class="scroll-x">
        <table class="list functions">
          <thead>
            <tr>
              <th scope="col" class="at-order is-number is-more">
                Order
              </th>
              <th scope="col" class="at-name">
                Function
              </th>
              <th scope="col" class="at-state">
                State
              </th>
              <th scope="col" class="at-contexts is-more">
                Contexts, on error
              </th>
              {NUMBERS.map((title) => (
                <th
                  key={title}
                  scope="col"
                  class={`at-number is-number ${title === 'In' || title === 'Failed' ? '' : 'is-more'}`}
                  title={TITLES[title]}
                >
                  {title}
                </th>
              ))}
              <th scope="col" class="is-more">
                Last error
              </th>
            </tr>
          </thead>
          <tbody>
            {functions.map((fn) => (
              <FunctionRow key={fn.name} fn={fn} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function FunctionRow({ fn }: { fn: FunctionResource }) {
  const { counts, time_us } = fn;
  return (
    <tr>
      <td class="is-number is-quiet is-more">{seesReports(fn) ? fn.settings.order : '–'}</td>
      <th scope="row">
        <a class="list-name" href={functionPath(fn.name)}>
          <Name text={fn.name} />
        </a>
        <div class="is-quiet small">
          {fn.language === 'lua' ? 'Lua' : 'Wasm'}
          {fn.source === 'folder' ? ', from a folder' : versionText(fn)}
        </div>
      </th>
      <td>
        <FunctionStateTag fn={fn} />
        {fn.canary !== null && (
          <div class="is-quiet small">
            {fn.canary.shadow ? 'in the shadow' : 'canary'}: version {fn.canary.version}
          </div>
        )}
      </td>
      {seesReports(fn) ? (
        <td class="is-cut is-more" title={visibleText(contextsText(fn.settings))}>
          <Name text={contextsText(fn.settings)} />
          <div class="is-quiet small">{fn.settings.on_error}</div>
        </td>
      ) : (
        <td class="is-quiet is-more">–</td>
      )}
      <Count
        fn={fn}
        reports={counts.received}
        requests={counts.requests}
        word={requestWord(counts.requests)}
      />
      <Count fn={fn} reports={changedOf(counts)} requests={counts.requests_made} word="made" more />
      <Count fn={fn} reports={counts.dropped} requests={counts.requests_refused} word="refused" more />
      <Count
        fn={fn}
        reports={failedOf(counts)}
        requests={counts.requests_failed}
        word={requestWord(counts.requests_failed)}
        bad
      />
      <td class="is-number is-more">{formatMicros(time_us.p50)}</td>
      <td class="is-number is-more">{formatMicros(time_us.p99)}</td>
      <td
        class="is-cut is-more"
        title={fn.last_error === null ? undefined : visibleText(fn.last_error.message)}
      >
        {fn.problem !== null ? (
          <span class="is-bad">
            <Name text={fn.problem} />
          </span>
        ) : fn.last_error !== null ? (
          <Name text={fn.last_error.message} />
        ) : (
          <span class="is-quiet">–</span>
        )}
      </td>
    </tr>
  );
}

function versionText(fn: FunctionResource): string {
  return fn.active === null ? ', no active version' : `, version ${fn.active}`;
}

function requestWord(count: number): string {
  return count === 1 ? 'request' : 'requests';
}

interface CountProps {
  fn: FunctionResource;
  reports: number;
  requests: number;
  /** What is counted of requests. */
  word: string;
  bad?: boolean;
  /** Left out where the window is narrow: the function's own page has it. */
  more?: boolean;
}

/** Numbers of what the function sees: of reports, of requests below them, or of both. */
function Count({ fn, reports, requests, word, bad = false, more = false }: CountProps) {
  const look = (value: number) => (value === 0 ? 'is-quiet' : bad ? 'is-bad' : undefined);
  return (
    <td class={`is-number is-counts ${more ? 'is-more' : ''}`}>
      {seesReports(fn) && (
        <div class={look(reports)} title={formatCount(reports)}>
          {formatShort(reports)}
        </div>
      )}
      {seesRequests(fn) && (
        <div class={look(requests)} title={formatCount(requests)}>
          {formatShort(requests)} <span class="small">{word}</span>
        </div>
      )}
    </td>
  );
}

function NoFunctions() {
  return (
    <Blank title="No functions yet">
      <p>
        A function sees each report before it is stored, and can rename, map, enrich or drop it. It runs in a
        sandbox, is tested before it goes live, and one that fails loses nothing.
      </p>
      <Code code={EXAMPLE.source} language="lua" label="An example" />
      <a class="button is-primary" href={NEW_FUNCTION_PATH}>
        New function
      </a>
      <p>It begins with this example, which can be tried without storing anything.</p>
    </Blank>
  );
}
