/**
 * The shapes of the public API that the page reads. Times are RFC 3339 text with microseconds in UTC,
 * durations are seconds (`_s`), what is not known is `null` and a name or host that was not given is `""`.
 */

export interface Link {
  href: string;
  templated?: boolean;
}

/** HAL links: those of `Always` are there, those of `Maybe` where they lead somewhere. */
export type Links<Always extends string, Maybe extends string = never> = Record<Always, Link> &
  Partial<Record<Maybe, Link>>;

export type StateName = 'waiting' | 'running' | 'ended' | 'failed' | 'unfinished';
export type StatusName = 'skipped' | 'success' | 'cancelled' | 'timeout' | 'failure' | 'error';
export type Group = 'step' | 'host';

export interface Entry {
  _links: Links<'self' | 'contexts' | 'functions'>;
}

export interface Context {
  _links: Links<'self' | 'timelines' | 'latest'>;
  name: string;
  created_at: string;
  timelines: number;
  _embedded?: { latest?: Timeline };
}

export interface Timeline {
  _links: Links<'self' | 'context' | 'events' | 'bars' | 'stream', 'previous' | 'next'>;
  context: string;
  number: number;
  name: string | null;
  state: StateName;
  labels: Record<string, string>;
  created_at: string;
  first: string | null;
  last: string | null;
  duration_s: number | null;
  events: number;
  running: number;
  failed: number;
  revision: number;
}

/** One page of a collection; `next` is there while there is more. */
export interface Page<Key extends string, Item> {
  _links: Links<'self', 'next'>;
  _embedded: Record<Key, Item[]>;
}

export type ContextsPage = Page<'contexts', Context>;
export type TimelinesPage = Page<'timelines', Timeline>;

/** A whole timeline as columns, one entry a row, in pre-order. The model decodes it; see `model/bars.ts`. */
export interface BarsBody {
  _links: Links<'self' | 'timeline' | 'event', 'stream'>;
  context: string;
  number: number;
  state: StateName;
  revision: number;
  group: Group;
  origin: string | null;
  now: string;
  duration_s: number | null;
  hosts: string[];
  rows: {
    label: string[];
    name: string[];
    depth: number[];
    parent: number[];
    host: number[];
    kind: number[];
    state: number[];
    status: number[];
    start_s: (number | null)[];
    restart_s: (number | null)[];
    end_s: (number | null)[];
    leaves: number[];
  };
}

export interface EventDetail {
  _links: Links<'self' | 'timeline'>;
  name: string;
  host: string;
  kind: 'span' | 'point';
  state: StateName;
  status: StatusName | null;
  started_at: string | null;
  restarted_at: string | null;
  ended_at: string | null;
  duration_s: number | null;
  labels: Record<string, string>;
  /** What made or changed it, in that order: `rename@3`, or the name alone of a function from a folder. */
  functions: string[];
}

/** What the stream tells at once on connecting and at each change. */
export interface Change {
  revision: number;
  state: StateName;
  /** Number of the context's newest timeline. */
  latest: number;
}
