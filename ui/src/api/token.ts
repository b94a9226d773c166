import { signal } from '@preact/signals';

/**
 * Where this tab keeps its token. A cookie would be sent by the browser on its own, for pages of others
 * too, and what all tabs keep would outlive the person at the machine.
 */
const KEY = 'upto.token';

/** What a person is asked for. */
export interface Question {
  /** What the token must open. */
  readonly scope: string;
  /** Why the token that was sent did not do, or null where none was sent. */
  readonly fault: string | null;
}

/** The token that goes along with each request, or null. */
export const token = signal(kept());
/** What is being asked, or null. */
export const question = signal<Question | null>(null);
/** Goes up when all that is shown must be asked for anew. */
export const generation = signal(0);

let waiting: ((given: boolean) => void)[] = [];

/** Asks the person for a token; who asks meanwhile waits for the same answer. Returns whether there is one. */
export function askForToken(asked: Question): Promise<boolean> {
  question.value ??= asked;
  return new Promise((answer) => waiting.push(answer));
}

/** Answers the question. @param remember whether the token outlives a reload of the page */
export function giveToken(text: string, remember: boolean): void {
  token.value = text;
  keep(remember ? text : null);
  settle(true);
}

/** Leaves the question without an answer: what was asked for stays refused. */
export function dismissQuestion(): void {
  settle(false);
}

/** Drops a token that the server does not know, unless there is another one by now. */
export function dropToken(sent: string): void {
  if (token.value !== sent) return;
  token.value = null;
  keep(null);
}

/** Forgets the token, and has all that is shown asked for without it. */
export function forgetToken(): void {
  token.value = null;
  keep(null);
  askAnew();
}

/** Has all that is shown asked for anew, and with it for a token where one is needed. */
export function askAnew(): void {
  generation.value += 1;
}

function settle(given: boolean): void {
  const answers = waiting;
  waiting = [];
  question.value = null;
  for (const answer of answers) answer(given);
}

function kept(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(text: string | null): void {
  try {
    if (text === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, text);
  } catch {
    // Full or forbidden: the token lasts until the page is left.
  }
}
