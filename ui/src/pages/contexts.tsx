import { useEffect, useState } from 'preact/hooks';
import { entry } from '../api/client';
import { Collection } from '../api/collection';
import type { Context, Timeline } from '../api/types';
import { Ago } from '../components/ago';
import { More, useFresh } from '../components/collection';
import { History } from '../components/history';
import { Name } from '../components/name';
import { Blank, Command, NothingYet, OldNotice } from '../components/notice';
import { StateTag } from '../components/state';
import { TimelineTook } from '../components/took';
import { formatCount, plural } from '../model/format';
import { pathOf } from '../router';

/** All contexts, each with how its newest run goes. */
export function ContextsPage() {
  const [contexts] = useState(
    () => new Collection<'contexts', Context>(async () => (await entry())._links.contexts.href, 'contexts'),
  );
  const problem = useFresh(contexts);
  useEffect(() => void (document.title = 'upto'), []);
  const items = contexts.items.value;
  if (items === null) return <NothingYet error={problem} />;
  return (
    <>
      {problem !== null && <OldNotice error={problem} />}
      <main class="page">
        <h1>Contexts</h1>
        {items.length === 0 ? <NoContexts /> : <ContextsTable contexts={items} />}
        <More collection={contexts} />
      </main>
    </>
  );
}

function ContextsTable({ contexts }: { contexts: readonly Context[] }) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">Context</th>
          <th scope="col">Newest run</th>
          <th scope="col">State</th>
          <th scope="col">Started</th>
          <th scope="col" class="is-number">
            Took
          </th>
          <th scope="col">Last runs</th>
          <th scope="col" class="is-number">
            Events
          </th>
          <th scope="col" class="is-number">
            Runs
          </th>
        </tr>
      </thead>
      <tbody>
        {contexts.map((context) => (
          <tr key={context.name}>
            <th scope="row">
              <a class="list-name" href={pathOf(context.name)}>
                <Name text={context.name} />
              </a>
            </th>
            <LatestCells context={context} latest={context._embedded?.latest} />
            <td class="is-number">
              <a
                class="quiet-link"
                href={pathOf(context.name)}
                title={`All ${plural(context.timelines, 'run')}`}
              >
                {formatCount(context.timelines)}
              </a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function LatestCells({ context, latest }: { context: Context; latest: Timeline | undefined }) {
  if (latest === undefined) return <td colSpan={6}>–</td>;
  return (
    <>
      <td>
        <a href={pathOf(latest.context, latest.number)}>
          #{latest.number} {latest.name !== null && <Name text={latest.name} />}
        </a>
      </td>
      <td>
        <span class="states">
          <StateTag state={latest.state} />
          {latest.failed > 0 && latest.state !== 'failed' && (
            <span class="is-bad">{formatCount(latest.failed)} failed</span>
          )}
        </span>
      </td>
      <td>
        <Ago time={latest.first ?? latest.created_at} />
      </td>
      <td class="is-number">
        <TimelineTook timeline={latest} />
      </td>
      <td>
        <History context={context} latest={latest} />
      </td>
      <td class="is-number">{formatCount(latest.events)}</td>
    </>
  );
}

function NoContexts() {
  return (
    <Blank title="Nothing has been reported yet">
      <p>A context is made by its first report. Type where a process runs:</p>
      <Command text={'upto-client start deploy build.compile\nupto-client end deploy build.compile'} />
      <p>It shows up here at once.</p>
    </Blank>
  );
}
