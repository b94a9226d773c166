import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError, change, get, RefusedError } from './client';
import { refusal } from './testing';
import { dismissQuestion, forgetToken, generation, giveToken, question, token } from './token';

/** What was asked, each request as its method and token, and what is answered, in order. */
const asked: string[] = [];
let answers: (Response | Promise<Response>)[];
const kept = new Map<string, string>();

beforeEach(() => {
  asked.length = 0;
  answers = [];
  kept.clear();
  vi.stubGlobal('fetch', async (_href: string, init: RequestInit) => {
    asked.push(`${init.method ?? 'GET'} ${new Headers(init.headers).get('Authorization') ?? '-'}`);
    return answers.shift()!;
  });
  vi.stubGlobal('sessionStorage', {
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
});
afterEach(() => {
  dismissQuestion();
  forgetToken();
  vi.unstubAllGlobals();
});

const ok = () => new Response('{"good":true}');
const nextQuestion = () => vi.waitUntil(() => question.value);

test('an order that needs a token is asked for and then done', async () => {
  answers = [refusal(401, 'deploy'), ok(), ok()];
  const done = change('/api/functions/a', { method: 'PUT', body: {} });
  expect(await nextQuestion()).toEqual({ scope: 'deploy', fault: null });
  giveToken('upto_1', true);
  expect(await done).toEqual({ good: true });
  await get('/api');
  expect(asked).toEqual(['PUT -', 'PUT Bearer upto_1', 'GET Bearer upto_1']);
  expect([...kept.values()]).toEqual(['upto_1']);
  expect(question.value).toBeNull();
});

test('a token is kept in the tab only if the person says so, and forgotten at once', async () => {
  giveToken('upto_1', true);
  giveToken('upto_2', false);
  expect([token.value, kept.size]).toEqual(['upto_2', 0]);
  giveToken('upto_3', true);
  const before = generation.value;
  forgetToken();
  expect([token.value, kept.size, generation.value]).toEqual([null, 0, before + 1]);
});

test('a token that nobody knows is dropped, and another one is asked for', async () => {
  giveToken('wrong', true);
  answers = [refusal(401, 'deploy'), ok()];
  const done = change('/x', { method: 'DELETE' });
  expect((await nextQuestion())!.fault).toBe('the server does not know this token');
  expect([token.value, kept.size]).toEqual([null, 0]);
  giveToken('right', false);
  await done;
  expect(asked).toEqual(['DELETE Bearer wrong', 'DELETE Bearer right']);
});

test('a token that opens something else stays, and its lack is told', async () => {
  giveToken('ci', true);
  answers = [refusal(403, 'deploy', 'the token "ci" has not the scope deploy')];
  const failure = change('/x', { method: 'DELETE' }).catch((error: unknown) => error);
  expect((await nextQuestion())!.fault).toBe('the token "ci" has not the scope deploy');
  dismissQuestion();
  expect(await failure).toBeInstanceOf(RefusedError);
  expect(await failure).toMatchObject({
    scope: 'deploy',
    message: 'the token "ci" has not the scope deploy',
  });
  expect([token.value, asked.length]).toEqual(['ci', 1]);
});

test('all that is refused waits for one answer, and what is late needs none', async () => {
  let answerLate = (_answer: Response) => {};
  const late = new Promise<Response>((resolve) => (answerLate = resolve));
  answers = [refusal(401, 'read'), refusal(401, 'read'), late, ok(), ok(), ok()];
  const done = Promise.all([get('/a'), get('/b'), get('/c')]);
  await nextQuestion();
  giveToken('upto_1', false);
  answerLate(refusal(401, 'read'));
  await done;
  expect(question.value).toBeNull();
  expect(asked.slice(3)).toEqual(Array(3).fill('GET Bearer upto_1'));
});

test('what is refused for another reason is no question of tokens', async () => {
  answers = [
    new Response('{"title":"cross-site request"}', { status: 403 }),
    new Response('', { status: 401 }),
  ];
  for (const status of [403, 401]) {
    const failure = await get('/api').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ApiError);
    expect(failure).not.toBeInstanceOf(RefusedError);
    expect(failure).toMatchObject({ status });
  }
  expect(question.value).toBeNull();
});
