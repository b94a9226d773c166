import { afterEach, expect, test, vi } from 'vitest';
import { ApiError, get, OfflineError } from './client';
import { Collection } from './collection';

/** A server of numbers, two to a page, newest first; it answers by ETag. */
function serve(numbers: number[]) {
  const log: string[] = [];
  vi.stubGlobal('fetch', async (href: string, init: RequestInit) => {
    const before = Number(new URLSearchParams(href.split('?')[1]).get('before') ?? Infinity);
    const left = numbers.filter((n) => n < before).sort((a, b) => b - a);
    const page = left.slice(0, 2);
    const etag = `"${page.join()}"`;
    const same = new Headers(init.headers).get('If-None-Match') === etag;
    log.push(`${href} ${same ? 304 : 200}`);
    if (same) return new Response(null, { status: 304 });
    const next = left.length > 2 ? { next: { href: `/n?before=${page[1]}` } } : {};
    const body = { _links: { self: { href }, ...next }, _embedded: { numbers: page } };
    return new Response(JSON.stringify(body), { headers: { ETag: etag } });
  });
  return log;
}

afterEach(() => void vi.unstubAllGlobals());

const collection = () => new Collection<'numbers', number>(async () => '/n', 'numbers');

test('shows a page, then one more, and says when there is no more', async () => {
  serve([1, 2, 3, 4, 5]);
  const shown = collection();
  await shown.refresh();
  expect([shown.items.value, shown.hasMore.value]).toEqual([[5, 4], true]);
  await shown.more();
  await shown.more();
  expect([shown.items.value, shown.hasMore.value]).toEqual([[5, 4, 3, 2, 1], false]);
});

test('what has not changed is not sent again and changes nothing', async () => {
  const numbers = [1, 2, 3, 4];
  const log = serve(numbers);
  const shown = collection();
  await shown.refresh();
  await shown.more();
  const items = shown.items.value;
  log.length = 0;
  await shown.refresh();
  expect(log).toEqual(['/n 304', '/n?before=3 304']);
  expect(shown.items.value).toBe(items);
  numbers.push(5);
  await shown.refresh();
  expect(shown.items.value).toEqual([5, 4, 3, 2]);
});

test('an answer that says no is told from one that may come later', async () => {
  const answer = (status: number, body: string) =>
    vi.stubGlobal('fetch', async () => new Response(body, { status, statusText: 'Oh' }));
  const said = { title: 'not found', status: 404, detail: 'no context "x"' };
  answer(404, JSON.stringify(said));
  await expect(get('/x')).rejects.toThrow(new ApiError(404, said.title, said.detail, said));
  answer(500, '{"title":"store is away","status":500}');
  await expect(get('/x')).rejects.toThrow(new OfflineError('store is away'));
  answer(503, '<html>');
  await expect(get('/x')).rejects.toThrow(new OfflineError('Oh'));
  vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('no route')));
  await expect(get('/x')).rejects.toBeInstanceOf(OfflineError);
});
