import { signal } from '@preact/signals';
import { contextOfSegment, contextSegment } from './api/segment';

export type Route =
  | { page: 'contexts' }
  | { page: 'timelines'; context: string }
  | { page: 'timeline'; context: string; run: number | 'latest' }
  | { page: 'unknown' };

/** What page a path names. */
export function parsePath(path: string): Route {
  const segments = path.split('/').slice(1);
  if (segments.at(-1) === '') segments.pop();
  if (segments.length === 0) return { page: 'contexts' };
  const [c, encoded, run] = segments;
  const context = contextOfSegment(encoded ?? '');
  if (c !== 'c' || context === null || segments.length > 3) return { page: 'unknown' };
  if (run === undefined) return { page: 'timelines', context };
  if (run === 'latest') return { page: 'timeline', context, run };
  return /^[1-9]\d{0,15}$/.test(run) ? { page: 'timeline', context, run: Number(run) } : { page: 'unknown' };
}

/** The page of a context, or of one of its timelines. */
export function pathOf(context: string, run?: number | 'latest'): string {
  const base = `/c/${contextSegment(context)}`;
  return run === undefined ? base : `${base}/${run}`;
}

/** Where the page is now. */
export const route = signal<Route>({ page: 'contexts' });

function navigate(href: string): void {
  history.pushState(null, '', href);
  route.value = parsePath(location.pathname);
  scrollTo(0, 0);
}

/** Follows the address, and makes links within the page change it without loading anew. */
export function startRouter(): void {
  route.value = parsePath(location.pathname);
  addEventListener('popstate', () => (route.value = parsePath(location.pathname)));
  document.addEventListener('click', (event) => {
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const link = (event.target as Element).closest('a');
    if (!plain || event.defaultPrevented || link === null || link.target !== '') return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || parsePath(url.pathname).page === 'unknown') return;
    event.preventDefault();
    navigate(url.pathname + url.search);
  });
}
