import { useEffect, useState } from 'preact/hooks';
import { get } from '../api/client';
import type { FunctionResource, VersionDetail } from '../api/function-types';
import { poll } from '../api/repeat';
import { casesText } from '../model/draft';
import { plural } from '../model/format';
import { contextsText, formatBytes, ON_ERROR_TEXTS, seesReports } from '../model/functions';
import { functionPath } from '../router';
import { Ago } from './ago';
import { ApiLink } from './api-link';
import { Code } from './code';
import { Name } from './name';

const RETRY_MS = 2000;

/** The code of a version, its cases and its settings. */
export function FunctionSource({ fn }: { fn: FunctionResource }) {
  const [picked, setPicked] = useState(fn.active ?? fn.versions);
  const { version, failure } = useVersion(`${fn._links.versions!.href}/${picked}`);
  return (
    <>
      <div class="actions">
        <label class="field">
          <span class="field-label">Version</span>
          <select value={picked} onChange={(event) => setPicked(Number(event.currentTarget.value))}>
            {Array.from({ length: fn.versions }, (_, at) => fn.versions - at).map((number) => (
              <option key={number} value={number}>
                {number}
                {number === fn.active && ' (active)'}
                {number === fn.canary?.version && ' (canary)'}
              </option>
            ))}
          </select>
        </label>
        {version !== null && (
          <span class="is-quiet">
            <Ago time={version.created_at} />
            {version.author !== '' && (
              <>
                {' by '}
                <Name text={version.author} />
              </>
            )}
            , {formatBytes(version.size)}
          </span>
        )}
        <span class="spring" />
        {version !== null && (
          <ApiLink class="button" href={version._links.code.href} file={fileName(version)}>
            Download
          </ApiLink>
        )}
        <a class="button" href={functionPath(fn.name, 'try')}>
          Edit and try
        </a>
      </div>
      {failure !== null && (
        <p class="fault" role="alert">
          <Name text={failure.message} />
        </p>
      )}
      {version !== null && <VersionView version={version} reports={seesReports(fn)} />}
    </>
  );
}

function fileName({ function: name, language }: VersionDetail): string {
  return `${name}.${language}`;
}

/** @param reports whether reports pass the function */
function VersionView({ version, reports }: { version: VersionDetail; reports: boolean }) {
  const { settings, cases } = version;
  return (
    <>
      {version.source === null ? (
        <p class="blank-note">
          A Wasm component of {formatBytes(version.size)}; its code can be downloaded, not shown.
        </p>
      ) : (
        <Code
          code={version.source}
          language="lua"
          label={`Code of ${version.function}, version ${version.version}`}
        />
      )}
      {reports ? (
        <p class="is-quiet">
          Order {settings.order}, contexts <Name text={contextsText(settings)} />, a report on which it fails{' '}
          {ON_ERROR_TEXTS[settings.on_error]}
          {settings.memory === true && ', with a memory'}.
        </p>
      ) : (
        settings.memory === true && <p class="is-quiet">With a memory.</p>
      )}
      {cases.length > 0 && (
        <>
          <h2>{plural(cases.length, 'case')}</h2>
          <Code code={casesText(cases)} language="json" label="Cases" />
        </>
      )}
    </>
  );
}

interface VersionState {
  version: VersionDetail | null;
  /** OfflineError: it is tried again. */
  failure: Error | null;
}

/** A version, or why it could not be read. Versions never change, so each is asked for until it is there. */
export function useVersion(href: string | null): VersionState {
  const [state, setState] = useState<VersionState>({ version: null, failure: null });
  useEffect(() => {
    if (href === null) return;
    let over = false;
    const stop = poll(async () => {
      try {
        const answer = await get<VersionDetail>(href);
        // What is shown stays until there is another, so that nothing jumps.
        if (!over) setState({ version: answer!.body, failure: null });
        stop();
      } catch (failure) {
        if (!over) setState({ version: null, failure: failure as Error });
        throw failure;
      }
    }, RETRY_MS);
    return () => {
      over = true;
      stop();
    };
  }, [href]);
  return state;
}
