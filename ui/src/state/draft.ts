import { computed, signal } from '@preact/signals';
import { ApiError, change, getBytes } from '../api/client';
import type {
  Candidate,
  Deployed,
  FunctionResource,
  Refusal,
  Report,
  Trial,
  Verdict,
  VersionDetail,
} from '../api/function-types';
import {
  base64,
  candidateOf,
  checkName,
  FormError,
  formOf,
  lineOfRefusal,
  onlyReceives,
  placeOfRefusal,
  readReports,
  type Form,
  type Place,
} from '../model/draft';
import { EXAMPLE, EXAMPLE_REPORTS, exampleOf, type Example } from '../model/example';
import { formatBytes, seesReports } from '../model/functions';

/** The server takes no larger one, and what is chosen is read into memory. */
const MOST_COMPONENT_BYTES = 20 * 1024 * 1024;

/** Whether to try with the last reports that the server received, with typed ones, or with the cases alone. */
export type ReportsFrom = 'last' | 'typed' | 'none';

/** Why something did not go, and where to show it. */
export interface Fault {
  readonly place: Place;
  readonly message: string;
  /** The line of the text there, from 1. */
  readonly line: number | null;
  /** What became of each case, where cases were run. */
  readonly verdicts: readonly Verdict[];
}

/** What is being edited: a new function, or the next version of one. It outlives a reload of the page. */
export class Draft {
  readonly form = signal<Form>(EXAMPLE);
  /** A component that was chosen in place of the one of the version. */
  readonly component = signal<{ file: string; bytes: Uint8Array } | null>(null);
  /** Whether reports pass what is being edited, as far as is known before it runs. */
  readonly seesReports = computed(() => this.known.value ?? !onlyReceives(this.form.value));
  /** What was chosen. One that sees no reports is tried with its cases alone. */
  readonly reportsFrom = signal<ReportsFrom>('typed');
  readonly triedWith = computed(() => (this.seesReports.value ? this.reportsFrom.value : 'none'));
  readonly last = signal(20);
  readonly reports = signal(EXAMPLE_REPORTS);

  /** The version that the draft began with, or was made into. */
  readonly base = signal<number | null>(null);
  readonly busy = signal<'' | 'try' | 'deploy'>('');
  readonly fault = signal<Fault | null>(null);
  readonly trial = signal<Trial | null>(null);
  /** The version that the last deployment made, and whether it runs. */
  readonly deployed = signal<{ version: number; active: boolean; isNew: boolean } | null>(null);
  readonly dirty = computed(
    () => !same(this.form.value, this.initial.value) || this.component.value !== null,
  );

  private readonly initial = signal<Form>(EXAMPLE);
  /** Whether reports pass what runs; null before anything does. */
  private readonly known = signal<boolean | null>(null);
  /** Where the component is that goes along where no other was chosen: a deployment sends all anew. */
  private codeHref: string | null = null;
  private newest = 0;
  private readonly key: string;

  /** @param existing the function and the version that the draft begins with; null for a new function */
  constructor(private readonly existing: { fn: FunctionResource; version: VersionDetail | null } | null) {
    this.key = `upto.draft.${existing?.fn.name ?? ''}`;
    if (existing !== null) {
      const { fn, version } = existing;
      const known = version ?? { language: fn.language, source: null, settings: fn.settings, cases: [] };
      this.initial.value = formOf(fn.name, known);
      this.base.value = version?.version ?? null;
      this.newest = fn.versions;
      this.codeHref = version?._links.code.href ?? null;
      this.reportsFrom.value = 'last';
      this.learn(fn);
    }
    this.form.value = this.kept() ?? this.initial.value;
  }

  /** Takes what was typed. A fault stays told until the next try, so that it can be read while it is mended. */
  set(part: Partial<Form>): void {
    this.form.value = { ...this.form.value, ...part };
    this.deployed.value = null;
    this.keep();
  }

  /** Begins with another example. What was written stays. */
  begin({ source, cases }: Example): void {
    if (exampleOf(this.form.value) === null) return;
    this.fault.value = null;
    this.trial.value = null;
    this.set({ source, cases });
  }

  /** Chooses a component to be sent. */
  async choose(file: File): Promise<void> {
    this.deployed.value = null;
    if (file.size > MOST_COMPONENT_BYTES) {
      const message = `A component has at most ${formatBytes(MOST_COMPONENT_BYTES)}; this file has ${formatBytes(file.size)}.`;
      this.fault.value = faultOf(new FormError('code', message));
      return;
    }
    this.component.value = { file: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
  }

  /** Goes back to what the draft began with. */
  reset(): void {
    this.form.value = this.initial.value;
    this.component.value = null;
    this.fault.value = null;
    this.trial.value = null;
    this.deployed.value = null;
    this.keep();
  }

  /** Runs the draft on reports; nothing is stored. What goes wrong is told by `fault`. */
  async try(href: () => Promise<string>): Promise<void> {
    await this.run('try', async () => {
      this.trial.value = await change<Trial>(await href(), {
        method: 'POST',
        body: { ...this.subject(), ...(await this.candidate()) },
      });
    });
  }

  /** What it is tried on, beside its cases. */
  private subject(): { last: number } | { reports: Report[] } {
    switch (this.triedWith.value) {
      case 'last':
        return { last: this.last.value };
      case 'typed':
        return { reports: readReports(this.reports.value) };
      case 'none':
        return { reports: [] };
    }
  }

  /** Makes a version of the draft. Returns the function, or null where `fault` tells what is wrong. */
  async deploy(href: () => Promise<string>, activate: boolean): Promise<Deployed | null> {
    let answer: Deployed | null = null;
    await this.run('deploy', async () => {
      checkName(this.form.value.name);
      const candidate = await this.candidate();
      answer = await change<Deployed>(await href(), { method: 'PUT', body: { ...candidate, activate } });
      this.settle(answer!);
    });
    return answer;
  }

  private settle(answer: Deployed): void {
    this.deployed.value = {
      version: answer.version,
      active: answer.active === answer.version,
      isNew: answer.version > this.newest,
    };
    this.base.value = answer.version;
    this.learn(answer);
    this.newest = Math.max(this.newest, answer.version);
    this.initial.value = this.form.value;
    this.component.value = null;
    const versions = answer._links.versions?.href;
    if (versions !== undefined) this.codeHref = `${versions}/${answer.version}/code`;
    this.keep();
  }

  /** Takes what the server says of what runs. */
  private learn(fn: FunctionResource): void {
    this.known.value = seesReports(fn);
  }

  /** What is sent. Of a function whose code is not known it is nothing: the server then takes what runs. */
  private async candidate(): Promise<Candidate> {
    if (this.existing?.version === null) return {};
    const candidate = candidateOf(this.form.value);
    if (candidate.language === 'lua') return candidate;
    let bytes = this.component.value?.bytes;
    if (bytes === undefined && this.codeHref !== null) bytes = await getBytes(this.codeHref);
    if (bytes === undefined) throw new FormError('code', 'Choose a component first: a .wasm file.');
    return { ...candidate, component_base64: base64(bytes) };
  }

  private async run(what: 'try' | 'deploy', task: () => Promise<void>): Promise<void> {
    this.busy.value = what;
    this.fault.value = null;
    this.deployed.value = null;
    try {
      await task();
    } catch (error) {
      if (what === 'try') this.trial.value = null;
      this.fault.value = faultOf(error as Error);
    }
    this.busy.value = '';
  }

  private kept(): Form | null {
    try {
      const text = sessionStorage.getItem(this.key);
      return text === null ? null : { ...this.initial.value, ...(JSON.parse(text) as Partial<Form>) };
    } catch {
      return null;
    }
  }

  private keep(): void {
    try {
      if (same(this.form.value, this.initial.value)) sessionStorage.removeItem(this.key);
      else sessionStorage.setItem(this.key, JSON.stringify(this.form.value));
    } catch {
      // Full or forbidden: the draft lasts until the page is left.
    }
  }
}

/** Where the fault of a request belongs on the page. */
export function faultOf(error: Error): Fault {
  if (error instanceof FormError) {
    return { place: error.place, message: error.message, line: error.line, verdicts: [] };
  }
  if (!(error instanceof ApiError)) {
    return { place: 'general', message: error.message, line: null, verdicts: [] };
  }
  const refusal = error.body as Refusal;
  const place = placeOfRefusal(error.status, refusal);
  return {
    place,
    message: error.message,
    line: place === 'code' ? lineOfRefusal({ ...refusal, detail: error.detail }) : null,
    verdicts: refusal.cases ?? [],
  };
}

function same(a: Form, b: Form): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
