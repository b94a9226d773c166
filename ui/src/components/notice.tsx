import type { ComponentChildren } from 'preact';
import { ApiError, OfflineError, RefusedError } from '../api/client';
import { askAnew } from '../api/token';
import { Name } from './name';

/** A line across the page that is read out when it comes. */
export function Notice({ kind, children }: { kind: 'lost' | 'news' | 'bad'; children: ComponentChildren }) {
  return (
    <div class={`notice is-${kind}`} role="status">
      {children}
    </div>
  );
}

/** Says that what is shown may be old, and why. */
export function OldNotice({ error }: { error: Error }) {
  return (
    <Notice kind="lost">
      Not up to date: <Name text={error.message} />. {error instanceof OfflineError && 'Trying again…'}
      {error instanceof RefusedError && <GiveToken />}
    </Notice>
  );
}

/** The way back to the question for a token, for who left it without an answer. */
function GiveToken() {
  return (
    <button class="button" onClick={askAnew}>
      Give a token
    </button>
  );
}

/** What stands in the place of content that is not there. */
export function Blank({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="blank">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What stands in the place of a whole page. */
export function BlankPage({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <main class="blank">
      <h1>{title}</h1>
      {children}
    </main>
  );
}

/** What to type to fill an empty page. */
export function Command({ text }: { text: string }) {
  return (
    <pre class="command">
      <code>{text}</code>
    </pre>
  );
}

interface NothingYetProps {
  error: Error | null;
  /** The list that leads to what is there, where it is not that of all contexts. */
  all?: { href: string; text: string };
}

const ALL_CONTEXTS = { href: '/', text: 'All contexts' };

/** Stands in the place of a page while the first answer is under way, or says why there is none. */
export function NothingYet({ error, all = ALL_CONTEXTS }: NothingYetProps) {
  if (error === null) return <div class="loading" role="status" aria-label="Loading" />;
  if (error instanceof OfflineError) {
    return (
      <BlankPage title="The server does not answer">
        <p>
          <Name text={error.message} />
        </p>
        <p>Trying again… The page will come up by itself.</p>
      </BlankPage>
    );
  }
  if (error instanceof RefusedError) {
    return (
      <BlankPage title="Not without a token">
        <p>
          <Name text={error.message} />
        </p>
        <p>
          <GiveToken />
        </p>
      </BlankPage>
    );
  }
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <BlankPage title={missing ? 'Not here' : 'That did not work'}>
      <p>
        <Name text={error.message} />
      </p>
      <p>
        <a href={all.href}>{all.text}</a>
      </p>
    </BlankPage>
  );
}
