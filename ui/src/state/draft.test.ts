import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FunctionResource, VersionDetail } from '../api/function-types';
import { EXAMPLES } from '../model/example';
import { Draft } from './draft';

const sent: { href: string; method: string; body: Record<string, unknown> }[] = [];
const kept = new Map<string, string>();

/** Answers each request with the next of these. */
function serve(...answers: { status: number; body: object }[]): void {
  vi.stubGlobal('fetch', async (href: string, init: RequestInit) => {
    const method = init.method ?? 'GET';
    sent.push({ href, method, body: init.body === undefined ? {} : JSON.parse(init.body as string) });
    const { status, body } = answers.shift()!;
    return new Response(JSON.stringify(body), { status });
  });
}

beforeEach(() => {
  sent.length = 0;
  kept.clear();
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, text: string) => void kept.set(key, text),
    removeItem: (key: string) => void kept.delete(key),
  });
});
afterEach(() => void vi.unstubAllGlobals());

const settings = { order: 20, contexts: [], on_error: 'pass' as const };
const fn = {
  _links: { versions: { href: '/v' } },
  name: 'rename',
  language: 'lua',
  entry_points: ['transform'],
  settings,
  versions: 3,
} as unknown as FunctionResource;
const version = (part: Partial<VersionDetail> = {}) =>
  ({
    _links: { code: { href: '/v/3/code' } },
    language: 'lua',
    source: 'x',
    settings,
    cases: [],
    ...part,
  }) as unknown as VersionDetail;
const at = (href: string) => async () => href;

test('an edit outlives a reload until it is discarded or deployed', async () => {
  const draft = new Draft({ fn, version: version() });
  expect(draft.dirty.value).toBe(false);
  draft.set({ source: 'y' });
  expect(draft.dirty.value).toBe(true);
  const again = new Draft({ fn, version: version() });
  expect([again.form.value.source, again.dirty.value]).toEqual(['y', true]);
  expect(new Draft(null).dirty.value).toBe(false);
  again.reset();
  expect([again.form.value.source, again.dirty.value, kept.size]).toEqual(['x', false, 0]);

  again.set({ source: 'z' });
  serve({ status: 200, body: { ...fn, version: 4, active: 4, versions: 4 } });
  await again.deploy(at('/f/rename'), true);
  expect(sent[0]).toMatchObject({ href: '/f/rename', method: 'PUT', body: { source: 'z', activate: true } });
  expect(again.deployed.value).toEqual({ version: 4, active: true, isNew: true });
  expect([again.dirty.value, kept.size]).toEqual([false, 0]);
});

test('a deployment of the same makes nothing new, and the next version is told from it', async () => {
  const draft = new Draft({ fn, version: version() });
  serve(
    { status: 200, body: { ...fn, version: 3, active: 3 } },
    { status: 200, body: { ...fn, version: 4, active: 3 } },
    { status: 200, body: { ...fn, version: 4, active: 3 } },
  );
  await draft.deploy(at('/f'), true);
  expect(draft.deployed.value).toEqual({ version: 3, active: true, isNew: false });
  await draft.deploy(at('/f'), false);
  expect(draft.deployed.value).toEqual({ version: 4, active: false, isNew: true });
  await draft.deploy(at('/f'), false);
  expect(draft.deployed.value).toEqual({ version: 4, active: false, isNew: false });
});

test('a refusal is told where it belongs, and goes with the next try', async () => {
  const draft = new Draft(null);
  await draft.deploy(at('/f'), true);
  expect([draft.fault.value?.place, sent.length]).toEqual(['name', 0]);
  draft.set({ name: 'rename' });
  serve(
    { status: 422, body: { title: 'the function does not compile', detail: 'rename.lua:3: oh', line: 3 } },
    {
      status: 422,
      body: { title: 'a case failed', detail: '', cases: [{ name: 'a', passed: false, difference: '-x' }] },
    },
    { status: 503, body: { title: 'busy', detail: 'the check could not be run' } },
    { status: 200, body: { results: [] } },
  );
  await draft.deploy(at('/f'), true);
  expect(draft.fault.value).toMatchObject({ place: 'code', line: 3 });
  await draft.deploy(at('/f'), true);
  expect(draft.fault.value).toMatchObject({ place: 'cases', line: null, verdicts: [{ difference: '-x' }] });
  await draft.deploy(at('/f'), true);
  expect(draft.fault.value).toMatchObject({ place: 'general', message: 'busy: the check could not be run' });
  await draft.try(at('/t'));
  expect([draft.fault.value, draft.trial.value]).toEqual([null, { results: [] }]);
});

test('a trial takes typed reports or the last ones', async () => {
  const draft = new Draft({ fn, version: version() });
  serve({ status: 200, body: {} }, { status: 200, body: {} });
  await draft.try(at('/t'));
  expect(sent[0].body).toMatchObject({ source: 'x', last: 20 });
  draft.reportsFrom.value = 'typed';
  draft.reports.value = '{"context": "a", "type": "new"}';
  await draft.try(at('/t'));
  expect(sent[1].body).toMatchObject({ reports: [{ context: 'a', type: 'new' }] });
  draft.reports.value = '[';
  await draft.try(at('/t'));
  expect([draft.fault.value?.place, sent.length]).toEqual(['reports', 2]);
});

test('one that only receives is tried with its cases alone', async () => {
  const hook = { ...fn, entry_points: ['receive' as const] };
  const draft = new Draft({ fn: hook, version: version() });
  expect(draft.seesReports.value).toBe(false);
  serve({ status: 200, body: {} }, { status: 200, body: { ...fn, version: 4, active: 4 } });
  await draft.try(at('/t'));
  expect(sent[0].body).toMatchObject({ source: 'x', reports: [] });
  await draft.deploy(at('/f'), true);
  expect(draft.seesReports.value).toBe(true);
});

test('a new one begins with either example, until something is written', async () => {
  const [changes, hook] = EXAMPLES;
  const draft = new Draft(null);
  draft.set({ name: 'jobs' });
  draft.begin(hook);
  expect(draft.form.value).toMatchObject({ name: 'jobs', source: hook.source, cases: hook.cases });
  expect([draft.seesReports.value, draft.triedWith.value]).toEqual([false, 'none']);
  serve({ status: 200, body: {} });
  await draft.try(at('/t'));
  expect(sent[0].body).toMatchObject({ source: hook.source, reports: [] });
  draft.begin(changes);
  expect([draft.trial.value, draft.triedWith.value]).toEqual([null, 'typed']);
  draft.set({ source: 'x' });
  draft.begin(hook);
  expect(draft.form.value.source).toBe('x');
});

test('a component is the chosen file, or that of the version', async () => {
  const wasm = version({ language: 'wasm', source: null });
  const draft = new Draft({ fn, version: wasm });
  vi.stubGlobal('fetch', async (href: string, init: RequestInit) => {
    if (init.method === undefined) return new Response(new Uint8Array([1, 2, 3]));
    sent.push({ href, method: init.method, body: JSON.parse(init.body as string) });
    return new Response('{}');
  });
  await draft.try(at('/t'));
  expect(sent[0].body).toMatchObject({ language: 'wasm', component_base64: 'AQID' });
  await draft.choose(new File([new Uint8Array([4])], 'a.wasm'));
  expect(draft.dirty.value).toBe(true);
  await draft.try(at('/t'));
  expect(sent[1].body).toMatchObject({ component_base64: 'BA==' });

  await draft.choose(new File([new Uint8Array(20 * 1024 * 1024 + 1)], 'large.wasm'));
  expect(draft.fault.value).toMatchObject({
    place: 'code',
    message: expect.stringContaining('at most 20 MiB'),
  });
  expect(draft.component.value?.file).toBe('a.wasm');

  const fresh = new Draft(null);
  fresh.set({ name: 'a', language: 'wasm' });
  await fresh.deploy(at('/f'), true);
  expect([fresh.fault.value?.place, sent.length]).toEqual(['code', 2]);
});

test('of a function whose code is not known, what runs is tried', async () => {
  const draft = new Draft({ fn, version: null });
  serve({ status: 200, body: {} });
  await draft.try(at('/t'));
  expect(sent[0].body).toEqual({ last: 20 });
});
