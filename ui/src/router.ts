import { signal } from '@preact/signals';
import { contextOfSegment, contextSegment } from './api/segment';
import { FUNCTION_NAME } from './model/functions';

export type Route =
  | { page: 'contexts' }
  | { page: 'timelines'; context: string }
  | { page: 'timeline'; context: string; run: number | 'latest' }
  | { page: 'functions' }
  | { page: 'new-function' }
  | { page: 'function'; name: string; tab: FunctionTab }
  | { page: 'unknown' };

/** The views of one function; the first is shown where the address names none. */
export const FUNCTION_TABS = [
  'overview',
  'source',
  'versions',
  'try',
  'logs',
  'tap',
  'dead-letters',
] as const;
export type FunctionTab = (typeof FUNCTION_TABS)[number];

/** No function can have this name. */
const NEW_FUNCTION = '_new';

/** What page a path names. */
export function parsePath(path: string): Route {
  const segments = path.split('/').slice(1);
  if (segments.at(-1) === '') segments.pop();
  if (segments.length === 0) return { page: 'contexts' };
  if (segments[0] === 'f') return parseFunctionPath(segments.slice(1));
  const [c, encoded, run] = segments;
  const context = contextOfSegment(encoded ?? '');
  if (c !== 'c' || context === null || segments.length > 3) return { page: 'unknown' };
  if (run === undefined) return { page: 'timelines', context };
  if (run === 'latest') return { page: 'timeline', context, run };
  return /^[1-9]\d{0,15}$/.test(run) ? { page: 'timeline', context, run: Number(run) } : { page: 'unknown' };
}

function parseFunctionPath([name, tab = FUNCTION_TABS[0], ...rest]: string[]): Route {
  if (name === undefined) return { page: 'functions' };
  if (name === NEW_FUNCTION && tab === FUNCTION_TABS[0]) return { page: 'new-function' };
  const known = FUNCTION_TABS.find((each) => each === tab);
  if (known === undefined || rest.length > 0 || !FUNCTION_NAME.test(name)) return { page: 'unknown' };
  return { page: 'function', name, tab: known };
}

/** The page of a function, and of one of its views. */
export function functionPath(name: string, tab: FunctionTab = FUNCTION_TABS[0]): string {
  return tab === FUNCTION_TABS[0] ? `/f/${name}` : `/f/${name}/${tab}`;
}

/** The list of all functions. */
export const FUNCTIONS_PATH = '/f';

/** Where a new function is written. */
export const NEW_FUNCTION_PATH = `/f/${NEW_FUNCTION}`;

/** The page of a context, or of one of its timelines. */
export function pathOf(context: string, run?: number | 'latest'): string {
  const base = `/c/${contextSegment(context)}`;
  return run === undefined ? base : `${base}/${run}`;
}

/** Where the page is now. */
export const route = signal<Route>({ page: 'contexts' });

/** Goes to another page without loading anew. */
export function navigate(href: string): void {
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
