import { serverClock } from './clock';
import { contextSegment } from './segment';
import { askForToken, dropToken, token } from './token';
import type { Entry } from './types';

/** The server answered, and what it said is not what was asked for (problem details, RFC 9457). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    /** The whole body: some problems say more, such as the line of a fault. */
    readonly body: object = {},
  ) {
    super(detail === '' ? title : `${title}: ${detail}`);
  }
}

/** Only who has a token with this scope may do that, and the person gave none. */
export class RefusedError extends ApiError {
  constructor(
    problem: ApiError,
    readonly scope: string,
  ) {
    super(problem.status, problem.title, problem.detail, problem.body);
    this.message =
      problem.status === 401 ? `this needs a token with the scope ${scope}` : problem.detail || problem.title;
  }
}

/** No answer came that says anything: the server is away, in trouble or busy. Worth trying again. */
export class OfflineError extends Error {}

export interface Answer<T> {
  body: T;
  /** Send it back with the next request to hear "not modified" instead of the same again. */
  etag: string | null;
}

/**
 * Gets one resource. Returns null where it has not changed since `etag`.
 * Throws ApiError for an answer that says no, OfflineError where it is worth trying again.
 */
export async function get<T>(
  href: string,
  options: { etag?: string | null; signal?: AbortSignal } = {},
): Promise<Answer<T> | null> {
  const headers = new Headers({ Accept: 'application/hal+json, application/json' });
  if (options.etag) headers.set('If-None-Match', options.etag);
  const response = await send(href, { headers, signal: options.signal ?? null });
  const date = Date.parse(response.headers.get('Date') ?? '');
  // The header is cut to the second: half a second more is the better guess.
  if (!Number.isNaN(date)) serverClock.hearRoughly(date + 500);
  if (response.status === 304) return null;
  if (!response.ok) throw await problem(response);
  try {
    return { body: (await response.json()) as T, etag: response.headers.get('ETag') };
  } catch (error) {
    if (options.signal?.aborted) throw error;
    // The connection broke in the middle of the body.
    throw new OfflineError('the answer was cut short', { cause: error });
  }
}

/** What a request carries: something to be sent as JSON, or nothing. */
type Change = { method: 'PUT' | 'POST'; body: unknown } | { method: 'DELETE' };

/**
 * Changes something. Returns what the server answered, or null where it has nothing to say.
 * Throws as `get` does; nothing is tried again, as it may have been done.
 */
export async function change<T>(href: string, change: Change): Promise<T | null> {
  const headers = new Headers({ Accept: 'application/hal+json, application/json' });
  const init: RequestInit = { method: change.method, headers };
  if ('body' in change) {
    headers.set('Content-Type', 'application/json');
    init.body = JSON.stringify(change.body);
  }
  const response = await send(href, init);
  if (!response.ok) throw await problem(response);
  return response.status === 204 ? null : ((await response.json()) as T);
}

/** Gets something that is no JSON. Throws as `get` does. */
export async function getBytes(href: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await send(href, {});
  if (!response.ok) throw await problem(response);
  return new Uint8Array(await response.arrayBuffer());
}

/** Opens a stream of events. Throws as `get` does. */
export async function getStream(href: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const headers = new Headers({ Accept: 'text/event-stream' });
  const response = await send(href, { headers, signal, cache: 'no-store' });
  if (!response.ok) throw await problem(response);
  // A proxy in between answers with a page of its own.
  const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream');
  if (response.body === null || !isStream) throw new OfflineError('no stream of events came');
  return response.body;
}

/**
 * Sends a request with the token. Where another one is needed the person is asked for it, and then it is sent again: orders
 * too, as what is refused for its token has done nothing. Throws RefusedError where the person gives none.
 */
async function send(href: string, init: RequestInit): Promise<Response> {
  for (;;) {
    const sent = token.value;
    const response = await sendOnce(href, init, sent);
    if (response.status !== 401 && response.status !== 403) return response;
    const error = await problem(response);
    if (!(error instanceof RefusedError)) throw error;
    const unknown = response.status === 401 && sent !== null;
    if (unknown) dropToken(sent);
    // Another token was given while this request was under way.
    if (token.value !== null && token.value !== sent) continue;
    const fault = sent === null ? null : unknown ? 'the server does not know this token' : error.message;
    if (!(await askForToken({ scope: error.scope, fault }))) throw error;
  }
}

async function sendOnce(href: string, init: RequestInit, token: string | null): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token !== null) headers.set('Authorization', `Bearer ${token}`);
  try {
    return await fetch(href, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new OfflineError('connection lost', { cause: error });
  }
}

async function problem(response: Response): Promise<Error> {
  const { title, detail, body } = await readProblem(response);
  const error = new ApiError(response.status, title, detail, body);
  if (response.status >= 500 || response.status === 429) return new OfflineError(error.message);
  // A 403 without a scope is about something else than tokens.
  const scope = 'scope' in body && typeof body.scope === 'string' ? body.scope : null;
  return scope === null ? error : new RefusedError(error, scope);
}

async function readProblem(response: Response): Promise<{ title: string; detail: string; body: object }> {
  const fallback = response.statusText || `HTTP ${response.status}`;
  try {
    const body = (await response.json()) as { title?: string; detail?: string };
    return { title: body.title ?? fallback, detail: body.detail ?? '', body };
  } catch {
    // A proxy in between answers with a page of its own.
    return { title: fallback, detail: '', body: {} };
  }
}

let knownEntry: Entry | null = null;

/** The API's entry, asked for once. All that the page reads is reached from here. */
export async function entry(): Promise<Entry> {
  knownEntry ??= (await get<Entry>('/api'))!.body;
  return knownEntry;
}

/**
 * Where a context's resource is. A page's address gives a context and a number and no link, so this and
 * the next functions build the documented paths; everything after that follows links.
 */
export function contextHref(from: Entry, context: string): string {
  return `${from._links.contexts.href}/${contextSegment(context)}`;
}

/** Where a timeline's resource is, by number or as the context's newest. */
export function timelineHref(from: Entry, context: string, run: number | 'latest'): string {
  return `${contextHref(from, context)}/timelines/${run}`;
}

/** Where a function's resource is, whether or not it exists: to deploy one is to put it there. */
export function functionHref(from: Entry, name: string): string {
  return `${from._links.functions.href}/${encodeURIComponent(name)}`;
}
