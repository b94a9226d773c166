import type { Links } from './types';

/** The shapes of the API of functions. Times of one report are microseconds (`_us`), sizes are bytes. */

export type Language = 'lua' | 'wasm';
export type OnError = 'pass' | 'drop' | 'dead-letter';
export type FunctionState = 'active' | 'disabled' | 'resting' | 'failing' | 'broken';
export type Cause = 'error' | 'time' | 'memory' | 'output';
export type Outcome = 'kept' | 'changed' | 'dropped' | 'expanded' | 'failed' | 'not concerned';

/** A report in its JSON form; only fields that are set are there. */
export interface Report {
  context: string;
  type: string;
  name?: string;
  time?: string;
  host?: string;
  timeline?: string;
  status?: string;
  labels?: Record<string, string>;
}

export interface Settings {
  order: number;
  /** Globs; none means all contexts. */
  contexts: string[];
  on_error: OnError;
  /** Whether it keeps what it remembers from one report to the next; left out where it does not. */
  memory?: boolean;
}

/** Reports or a request, and what must come of them: reports, or a failure. Members that are not named here are kept. */
export interface Case {
  name: string;
  in?: Report[];
  request?: object;
  secrets?: Record<string, string>;
  out?: Report[];
  error?: string;
}

export interface Counts {
  received: number;
  kept: number;
  changed: number;
  dropped: number;
  expanded: number;
  made: number;
  skipped: number;
  failed: Record<Cause, number>;
  /** Requests and datagrams that came to it, refused and failed ones among them. */
  requests: number;
  requests_refused: number;
  requests_failed: number;
  /** Reports that it made of requests. */
  requests_made: number;
}

export interface Times {
  p50: number | null;
  p99: number | null;
  total_s: number;
}

export interface CanaryPlan {
  version: number;
  /** 0 to 1. */
  share: number;
  by: 'context' | 'host';
  shadow: boolean;
  /** 0 to 1: above it the canary is rolled back. */
  max_error_rate: number;
}

export interface Canary extends CanaryPlan {
  counts: Counts;
  time_us: Times;
  last_error: LastError | null;
  same?: number;
  different?: number;
  difference?: CanaryDifference | null;
}

/** A report of which a canary in the shadow makes other than the active version. */
export interface CanaryDifference {
  before: Report;
  /** What goes on; of a version that failed that is what its settings say. */
  active: Report[];
  canary: Report[];
  active_failure?: Failure | null;
  canary_failure?: Failure | null;
}

export interface Failure {
  cause: Cause;
  message: string;
}

/** A foreign request or a datagram (`UDP`). */
export interface ForeignRequest {
  method: string;
  path: string;
  /** The beginning of a long one. */
  body: string;
  /** Bytes of the whole body. */
  size: number;
}

/** The failure that came last, with what it was on. */
export interface LastError extends Failure {
  at: string;
  report: Report | null;
  /** Also null for who may not deploy. */
  request: ForeignRequest | null;
}

export interface FunctionResource {
  _links: Links<
    'self' | 'try' | 'logs' | 'tap' | 'dead_letters',
    'versions' | 'version' | 'activate' | 'disable' | 'canary' | 'hook'
  >;
  name: string;
  source: 'store' | 'folder';
  language: Language;
  /** Empty where it does not run. */
  entry_points: ('transform' | 'receive')[];
  state: FunctionState;
  problem: string | null;
  active: number | null;
  /** The number of the newest version. */
  versions: number;
  running: number | null;
  canary: Canary | null;
  rolled_back: { version: number; reason: string; at: string } | null;
  settings: Settings;
  sha256: string;
  author: string;
  created_at: string | null;
  counts: Counts;
  time_us: Times;
  memory_peak: number;
  last_error: LastError | null;
  dead_letters: number;
}

/** What a deployment answers: the function, and which version was made of the code. */
export interface Deployed extends FunctionResource {
  version: number;
  cases: { passed: number };
}

export interface Version {
  _links: Links<'self' | 'function' | 'code'>;
  function: string;
  version: number;
  language: Language;
  sha256: string;
  size: number;
  author: string;
  created_at: string;
  settings: Settings;
  cases: number;
  active: boolean;
  canary: boolean;
}

/** One version with its code (null for Wasm), its cases, and where two were asked for their difference. */
export interface VersionDetail extends Omit<Version, 'cases'> {
  source: string | null;
  cases: Case[];
  diff?: string;
}

/** What became of one case. */
export interface Verdict {
  name: string;
  passed: boolean;
  difference: string;
}

/** What refuses code: problem details with the place of the fault, where it is known. */
export interface Refusal {
  title: string;
  detail: string;
  line?: number;
  cases?: Verdict[];
}

/** Code and settings as a deployment and a trial take them. */
export interface Candidate {
  language?: Language;
  source?: string;
  component_base64?: string;
  cases?: unknown[];
  settings?: Partial<Settings>;
}

export interface TrialResult {
  in: Report;
  outcome: Outcome;
  out: Report[];
  failure: Failure | null;
  difference: string;
  time_us: number;
}

export interface Trial {
  function: string;
  compiled: boolean;
  results: TrialResult[];
  cases: Verdict[];
  logs: { level: LogLevel; text: string }[];
  time_us: { p50: number | null; max: number | null };
  memory: number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogLine {
  seq: number;
  at: string;
  level: LogLevel;
  version: number | null;
  text: string;
}

/** What the tap tells of one report. */
export interface Tapped {
  at: string;
  version: number | null;
  before: Report;
  outcome: Outcome;
  after: Report[];
  failure: Failure | null;
  time_us: number;
}

export interface DeadLetter {
  _links: Links<'self'>;
  id: string;
  function: string;
  version: number | null;
  cause: Cause;
  reason: string;
  report: Report;
  at: string;
}
