import type { ComponentChildren } from 'preact';
import { ApiError } from '../api/client';

/** A line across the page that is read out when it comes. */
export function Notice({ kind, children }: { kind: 'lost' | 'news'; children: ComponentChildren }) {
  return (
    <div class={`notice is-${kind}`} role="status">
      {children}
    </div>
  );
}

/** Says that the picture may be old, while the page goes on trying. */
export function LostNotice() {
  return <Notice kind="lost">Connection lost. What you see may be old; trying again…</Notice>;
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

/** Says in the place of a page's content why it is not there. */
export function Problem({ error }: { error: Error }) {
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <BlankPage title={missing ? 'Not here' : 'That did not work'}>
      <p>{error.message}</p>
      <p>
        <a href="/">All contexts</a>
      </p>
    </BlankPage>
  );
}

/** Shown while the first answer is under way. */
export function Loading({ offline }: { offline: boolean }) {
  if (!offline) return <div class="loading" role="status" aria-label="Loading" />;
  return (
    <BlankPage title="The server does not answer">
      <p>Trying again… The page will come up by itself once it does.</p>
    </BlankPage>
  );
}
