import type { Candidate, Case, Language, OnError, Refusal, Report, Settings } from '../api/function-types';
import { FUNCTION_NAME } from './functions';

/** Cases are laid out to lines of this length. */
const LINE = 110;

/** What a person edits: every field as it is typed. */
export interface Form {
  name: string;
  language: Language;
  source: string;
  order: string;
  /** Globs with commas between them; empty means all. */
  contexts: string;
  onError: OnError;
  /** Whether it keeps what it remembers. */
  memory: boolean;
  /** JSON, or empty for none. */
  cases: string;
}

/** Where on the page a fault is shown. */
export type Place = 'name' | 'code' | 'settings' | 'cases' | 'reports' | 'general';

/** What is wrong with a form, said where it is wrong. */
export class FormError extends Error {
  constructor(
    readonly place: Place,
    message: string,
    /** The line of the text, from 1, where it is known. */
    readonly line: number | null = null,
  ) {
    super(message);
  }
}

/** A form of what a version holds. */
export function formOf(
  name: string,
  version: { language: Language; source: string | null; settings: Settings; cases: readonly Case[] },
): Form {
  return {
    name,
    language: version.language,
    source: version.source ?? '',
    order: String(version.settings.order),
    contexts: version.settings.contexts.join(', '),
    onError: version.settings.on_error,
    memory: version.settings.memory === true,
    cases: version.cases.length === 0 ? '' : casesText(version.cases),
  };
}

/** Whether code makes reports of requests and does nothing else, as far as its text tells. */
export function onlyReceives({ language, source }: Form): boolean {
  const defines = (name: string) => new RegExp(`^\\s*function\\s+${name}\\b`, 'm').test(source);
  return language === 'lua' && defines('receive') && !defines('transform');
}

/** Cases as a person edits them. */
export function casesText(cases: readonly Case[]): string {
  return `[\n${cases.map((each) => `  ${inLines(each, '  ')}`).join(',\n')}\n]\n`;
}

/** A list or an object as JSON with a line for each member; longer ones are laid out likewise. */
function inLines(value: object, indent: string): string {
  const deeper = `${indent}  `;
  const lines = Object.entries(value).map(([key, each]) => {
    const name = Array.isArray(value) ? '' : `${JSON.stringify(key)}: `;
    return `${deeper}${name}${laidOut(each, deeper, name)}`;
  });
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}

/** A value as JSON, in one line where it is short. */
function laidOut(value: unknown, indent: string, name: string): string {
  const line = oneLine(value);
  const short = indent.length + name.length + line.length <= LINE;
  return short || typeof value !== 'object' || value === null ? line : inLines(value, indent);
}

/** A value as JSON in one line with blanks in it. */
export function oneLine(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  const fields = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${oneLine(each)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

/** Context globs as the API takes them. */
export function readContexts(text: string): string[] {
  return text
    .split(',')
    .map((glob) => glob.trim())
    .filter((glob) => glob !== '');
}

/**
 * What a deployment or a trial is sent, without the code of a component: that is bytes and no text.
 * An order that is left empty is the server's to choose. Throws FormError.
 */
export function candidateOf(form: Form): Candidate {
  const { language, source } = form;
  const cases = form.cases.trim() === '' ? [] : readList(form.cases, 'cases');
  const code = language === 'lua' ? { source } : {};
  const settings = {
    ...(form.order.trim() !== '' && { order: readOrder(form.order) }),
    contexts: readContexts(form.contexts),
    on_error: form.onError,
    ...(form.memory && { memory: true }),
  };
  return { language, ...code, cases, settings };
}

function readOrder(text: string): number {
  const order = Number(text);
  // The server keeps it in 32 bits.
  if (!/^\s*-?\d+\s*$/.test(text) || order !== (order | 0)) {
    throw new FormError(
      'settings',
      'The order is a whole number, such as 20 or -5: lower numbers come first. It is 2147483647 at most.',
    );
  }
  return order;
}

/** Throws FormError unless a function may have that name. */
export function checkName(name: string): void {
  if (FUNCTION_NAME.test(name)) return;
  const rule =
    'A name is 1 to 64 lower-case letters, digits, “-” and “_”, and begins with a letter or a digit.';
  throw new FormError('name', name === '' ? `Give the function a name. ${rule}` : rule);
}

/** Reads reports that are typed as JSON: a list, or one alone. Throws FormError. */
export function readReports(text: string): Report[] {
  const reports = readJson(text, 'reports');
  if (Array.isArray(reports)) return reports as Report[];
  if (typeof reports !== 'object' || reports === null) {
    throw new FormError('reports', 'Reports are a list of objects: [{"context": "deploy", …}].');
  }
  return [reports as Report];
}

function readList(text: string, place: Place): unknown[] {
  const list = readJson(text, place);
  if (!Array.isArray(list))
    throw new FormError(place, 'Cases are a list: [{"name": …, "in": […], "out": […]}].');
  return list;
}

function readJson(text: string, place: Place): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as SyntaxError;
    throw new FormError(place, `This is not JSON: ${message}`, lineOfJsonError(message, text));
  }
}

/** The line that a browser means with its message, or null. */
function lineOfJsonError(message: string, text: string): number | null {
  const line = /line (\d+)/.exec(message)?.[1];
  if (line !== undefined) return Number(line);
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined && !/end of/.test(message)) return null;
  return text.slice(0, position === undefined ? text.length : Number(position)).split('\n').length;
}

/** Where on the page to show why the server refused. */
export function placeOfRefusal(status: number, refusal: Refusal): Place {
  if (status === 409) return 'name';
  if (refusal.cases?.some((each) => !each.passed)) return 'cases';
  if (/case/i.test(refusal.title)) return 'cases';
  if (/setting/i.test(refusal.title)) return 'settings';
  if (/report|nothing to try/i.test(refusal.title)) return 'reports';
  return status === 422 || status === 413 || status === 415 ? 'code' : 'general';
}

/** The line of the code, from 1, that a refusal means, or null. */
export function lineOfRefusal(refusal: Refusal): number | null {
  const told = refusal.line ?? Number(/:(\d+):/.exec(refusal.detail)?.[1] ?? NaN);
  return Number.isInteger(told) && told > 0 ? told : null;
}

/** Bytes as Base64, in pieces: a call with millions of arguments fails. */
export function base64(bytes: Uint8Array): string {
  const PIECE = 0x8000;
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  }
  return btoa(text);
}
