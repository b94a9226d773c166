import { serverClock } from './clock';
import { contextSegment } from './segment';
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
export async function getBytes(href: string): Promise<Uint8Array> {
  const response = await send(href, {});
  if (!response.ok) throw await problem(response);
  return new Uint8Array(await response.arrayBuffer());
}

async function send(href: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(href, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new OfflineError('connection lost', { cause: error });
  }
}

async function problem(response: Response): Promise<Error> {
  const { title, detail, body } = await readProblem(response);
  const error = new ApiError(response.status, title, detail, body);
  return response.status >= 500 || response.status === 429 ? new OfflineError(error.message) : error;
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
