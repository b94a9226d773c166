import { expect, test } from 'vitest';
import type { Case } from '../api/function-types';
import {
  base64,
  candidateOf,
  casesText,
  checkName,
  FormError,
  formOf,
  lineOfRefusal,
  onlyReceives,
  placeOfRefusal,
  readContexts,
  readReports,
  type Form,
} from './draft';
import { EXAMPLE, EXAMPLE_REPORTS, exampleOf, EXAMPLES } from './example';

const cases: Case[] = [
  {
    name: 'a "quoted" one',
    in: [{ context: 'deploy', name: 'A', type: 'start', labels: { a: 'b' } }],
    out: [],
  },
];
const settings = { order: 20, contexts: ['deploy-*', 'build'], on_error: 'dead-letter' as const };

function faultOf(task: () => unknown): FormError {
  try {
    task();
  } catch (error) {
    if (error instanceof FormError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

test('what a version holds is what is sent again', () => {
  const version = { language: 'lua' as const, source: 'x', settings, cases };
  expect(candidateOf(formOf('rename', version))).toEqual({ language: 'lua', source: 'x', settings, cases });
  const component = { language: 'wasm' as const, source: null, settings, cases: [] };
  expect(candidateOf(formOf('rename', component))).toEqual({ language: 'wasm', settings, cases: [] });
  const counting = { ...version, settings: { ...settings, memory: true } };
  expect(candidateOf(formOf('rename', counting)).settings).toEqual(counting.settings);
});

test('an order that is left out is the server’s to choose', () => {
  expect(candidateOf(EXAMPLE).settings).toEqual({ contexts: [], on_error: 'pass' });
  expect(candidateOf({ ...EXAMPLE, order: ' 7 ' }).settings).toMatchObject({ order: 7 });
});

test.each([0, -5, 2_147_483_647, -2_147_483_648])('%d is an order', (order) => {
  expect(candidateOf({ ...EXAMPLE, order: String(order) }).settings).toMatchObject({ order });
});

test('contexts stand between commas', () => {
  expect(readContexts(' deploy-*,, build of main , ')).toEqual(['deploy-*', 'build of main']);
  expect(readContexts(' ')).toEqual([]);
});

test.each<[Partial<Form>, string, number | null]>([
  [{ order: 'first' }, 'settings', null],
  [{ order: '2147483648' }, 'settings', null],
  [{ order: '-2147483649' }, 'settings', null],
  [{ order: '1.5' }, 'settings', null],
  [{ cases: '{}' }, 'cases', null],
  [{ cases: '[\n  {"name" "x"}\n]' }, 'cases', 2],
  [{ cases: '[\n{"name": 1},\n' }, 'cases', 3],
])('%j is wrong in the %s', (part, place, line) => {
  const fault = faultOf(() => candidateOf({ ...EXAMPLE, ...part }));
  expect([fault.place, fault.line]).toEqual([place, line]);
});

test.each(['', 'Rename', '-x', 'a/b', '..', 'ä', 'x'.repeat(65)])('%j is no name', (name) => {
  expect(faultOf(() => checkName(name)).place).toBe('name');
});

test.each(['a', '20-rename', 'x'.repeat(64), '0_-'])('%j is a name', (name) => {
  expect(() => checkName(name)).not.toThrow();
});

test('reports are a list, or one alone', () => {
  expect(readReports('{"context": "a", "type": "new"}')).toEqual([{ context: 'a', type: 'new' }]);
  expect(readReports(EXAMPLE_REPORTS)).toHaveLength(3);
  expect(faultOf(() => readReports('7')).place).toBe('reports');
  expect(faultOf(() => readReports('[')).place).toBe('reports');
});

test('cases are written as they are read', () => {
  expect(JSON.parse(casesText(cases))).toEqual(cases);
  expect(JSON.parse(EXAMPLE.cases)).toHaveLength(2);
});

test.each(EXAMPLES)('the example “$title” is known until it is changed', (example) => {
  const form = { ...EXAMPLE, ...example, name: 'jobs' };
  expect(exampleOf(form)).toBe(example);
  expect(exampleOf({ ...form, source: `${form.source}\n` })).toBe(null);
  expect(exampleOf({ ...form, cases: '' })).toBe(null);
  expect(casesText(candidateOf(form).cases as Case[])).toBe(example.cases);
});

test('that code only receives is told from its text', () => {
  expect(EXAMPLES.map((each) => onlyReceives({ ...EXAMPLE, ...each }))).toEqual([false, true]);
  const hook = EXAMPLES[1];
  expect(onlyReceives({ ...EXAMPLE, ...hook, language: 'wasm' })).toBe(false);
  expect(onlyReceives({ ...EXAMPLE, source: `${hook.source}${EXAMPLE.source}` })).toBe(false);
  expect(onlyReceives({ ...EXAMPLE, source: '' })).toBe(false);
});

const examples = import.meta.glob<string>('../../../scripts/**/*.cases.json', {
  query: '?raw',
  import: 'default',
  eager: true,
});

test('there are examples of cases', () => {
  expect(Object.keys(examples).length).toBeGreaterThan(5);
});

test.each(Object.entries(examples))('of %s nothing is lost', (_, text) => {
  const read = JSON.parse(text) as Case[];
  const again = candidateOf({ ...EXAMPLE, cases: casesText(read) }).cases;
  // As text: the order of members counts, as requests are signed.
  expect(JSON.stringify(again)).toBe(JSON.stringify(read));
});

test('each member of a case has a line, and a long one has more', () => {
  const labels = { branch: 'main', commit: 'b'.repeat(40), url: 'https://example.org/octo/runs/1' };
  const text = casesText([
    { name: 'a hook', request: { body: '' }, error: '401' },
    { name: 'long', in: [], out: [{ context: 'deploy', type: 'new', labels }] },
  ]);
  expect(text).toBe(`[
  {
    "name": "a hook",
    "request": { "body": "" },
    "error": "401"
  },
  {
    "name": "long",
    "in": [],
    "out": [
      {
        "context": "deploy",
        "type": "new",
        "labels": {
          "branch": "main",
          "commit": "${labels.commit}",
          "url": "https://example.org/octo/runs/1"
        }
      }
    ]
  }
]
`);
});

test.each([
  [422, { title: 'the function does not compile', detail: 'rename.lua:3: unexpected', line: 3 }, 'code', 3],
  [422, { title: 'the function does not compile', detail: 'rename.lua:12: unexpected' }, 'code', 12],
  [422, { title: 'it imports what it may not', detail: 'wasi:sockets' }, 'code', null],
  [
    422,
    { title: 'a case failed', detail: '', cases: [{ name: 'a', passed: false, difference: '- x' }] },
    'cases',
    null,
  ],
  [422, { title: 'bad settings', detail: 'contexts: too many' }, 'settings', null],
  [409, { title: 'conflict', detail: 'a function from a folder has this name' }, 'name', null],
  [413, { title: 'too large', detail: '' }, 'code', null],
  [422, { title: 'nothing to try', detail: 'it has no "transform"' }, 'reports', null],
  [403, { title: 'forbidden', detail: '' }, 'general', null],
])('a refusal with %d and %j is shown at the %s', (status, refusal, place, line) => {
  expect([placeOfRefusal(status, refusal), lineOfRefusal(refusal)]).toEqual([place, line]);
});

test('bytes become Base64, however many', () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => (at * 7) % 256);
  expect(base64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
  expect(base64(new Uint8Array())).toBe('');
});
