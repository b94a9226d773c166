-- upto's schema for SQLite, applied when a store is opened. Times are microseconds since 1970 in UTC.
-- The tables mean what those of schema.sql at the root of the repository mean; its comments say more.

-- AUTOINCREMENT: an id that was forgotten must never come back for another context or text.
CREATE TABLE IF NOT EXISTS contexts (
  id integer PRIMARY KEY AUTOINCREMENT,
  name text NOT NULL UNIQUE,
  latest integer NOT NULL DEFAULT 0,
  created_at integer NOT NULL,
  abandon_after_s integer,
  generation integer NOT NULL DEFAULT 0,
  generation_at integer,
  deleted_at integer
) STRICT;

CREATE TABLE IF NOT EXISTS timelines (
  context_id integer NOT NULL REFERENCES contexts (id) ON DELETE CASCADE,
  number integer NOT NULL,
  name text,
  labels text NOT NULL DEFAULT '',
  created_at integer NOT NULL,
  received_at integer NOT NULL,
  revision integer NOT NULL DEFAULT 0,
  PRIMARY KEY (context_id, number),
  UNIQUE (context_id, name)
) STRICT, WITHOUT ROWID;

-- The names of events and hosts.
CREATE TABLE IF NOT EXISTS texts (
  id integer PRIMARY KEY AUTOINCREMENT,
  context_id integer NOT NULL REFERENCES contexts (id) ON DELETE CASCADE,
  text text NOT NULL,
  generation integer NOT NULL DEFAULT 0,
  UNIQUE (context_id, text)
) STRICT;

-- No foreign keys: a check for each of many rows a second costs more than the row.
CREATE TABLE IF NOT EXISTS events (
  context_id integer NOT NULL,
  timeline integer NOT NULL,
  name_id integer NOT NULL,
  host_id integer NOT NULL,
  started_at integer,
  restarted_at integer,
  ended_at integer,
  is_point integer NOT NULL DEFAULT 0,
  status integer NOT NULL DEFAULT 0,
  functions integer NOT NULL DEFAULT 0,
  start_labels text NOT NULL DEFAULT '',
  end_labels text NOT NULL DEFAULT '',
  PRIMARY KEY (context_id, timeline, name_id, host_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS function_sets (
  id integer PRIMARY KEY CHECK (id BETWEEN 1 AND 32767),
  functions text NOT NULL UNIQUE
) STRICT;

CREATE TABLE IF NOT EXISTS functions (
  name text PRIMARY KEY,
  versions integer NOT NULL DEFAULT 0,
  active integer,
  canary text NOT NULL DEFAULT '',
  rolled_back text NOT NULL DEFAULT '',
  deleted integer NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- What is large comes last: SQLite reads a row from its beginning.
CREATE TABLE IF NOT EXISTS function_versions (
  function text NOT NULL REFERENCES functions (name) ON DELETE CASCADE,
  number integer NOT NULL,
  language text NOT NULL,
  sha256 blob NOT NULL,
  author text NOT NULL,
  created_at integer NOT NULL,
  settings text NOT NULL,
  cases text NOT NULL,
  code blob NOT NULL,
  PRIMARY KEY (function, number)
) STRICT;

CREATE TABLE IF NOT EXISTS lookup_tables (
  name text PRIMARY KEY,
  format text NOT NULL,
  rows integer NOT NULL,
  sha256 blob NOT NULL,
  changed_at integer NOT NULL,
  content blob NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS dead_letters (
  function text NOT NULL,
  id text NOT NULL,
  version integer NOT NULL,
  cause text NOT NULL,
  reason text NOT NULL,
  at integer NOT NULL,
  report text NOT NULL,
  PRIMARY KEY (function, id)
) STRICT;

CREATE TABLE IF NOT EXISTS registry (
  one integer PRIMARY KEY CHECK (one = 1),
  revision integer NOT NULL DEFAULT 0
) STRICT;
INSERT INTO registry (one) VALUES (1) ON CONFLICT DO NOTHING;

-- The lease of the one that does the housekeeping.
CREATE TABLE IF NOT EXISTS housekeeping (
  one integer PRIMARY KEY CHECK (one = 1),
  holder text NOT NULL,
  until integer NOT NULL
) STRICT;

-- Events as people read them.
CREATE VIEW IF NOT EXISTS event_durations AS
WITH read AS (
  SELECT c.name AS context, t.number AS timeline, n.text AS name, coalesce(h.text, '') AS host, e.*,
    coalesce(f.functions, '') AS changed_by,
    e.started_at IS NOT NULL AND (e.ended_at IS NULL OR e.is_point
      OR coalesce(e.restarted_at, e.started_at) > e.ended_at) AS running,
    CASE WHEN e.started_at IS NULL OR NOT e.is_point THEN e.ended_at END AS end_at,
    CASE WHEN e.started_at IS NULL AND e.is_point THEN e.ended_at ELSE e.started_at END AS start_at,
    -- Silent for 24 hours, or what the context says, or for 10 minutes since a newer timeline began.
    CAST(strftime('%s', 'now') AS integer) * 1000000 - t.received_at
      >= 1000000 * min(coalesce(c.abandon_after_s, 86400), iif(t.number < c.latest, 600, 9e9)) AS given_up
  FROM contexts c
  JOIN timelines t ON t.context_id = c.id
  JOIN events e ON e.context_id = t.context_id AND e.timeline = t.number
  JOIN texts n ON n.id = e.name_id
  LEFT JOIN texts h ON h.id = e.host_id
  LEFT JOIN function_sets f ON f.id = e.functions
)
SELECT context, timeline, name, host,
  CASE WHEN started_at IS NULL AND is_point THEN 'point' ELSE 'span' END AS kind,
  CASE WHEN NOT running THEN CASE status WHEN 1 THEN 'skipped' WHEN 2 THEN 'success' WHEN 3 THEN 'cancelled'
    WHEN 4 THEN 'timeout' WHEN 5 THEN 'failure' WHEN 6 THEN 'error' END END AS status,
  strftime('%Y-%m-%dT%H:%M:%S', start_at / 1000000, 'unixepoch') || printf('.%06dZ', start_at % 1000000) AS started_at,
  strftime('%Y-%m-%dT%H:%M:%S', restarted_at / 1000000, 'unixepoch')
    || printf('.%06dZ', restarted_at % 1000000) AS restarted_at,
  strftime('%Y-%m-%dT%H:%M:%S', end_at / 1000000, 'unixepoch') || printf('.%06dZ', end_at % 1000000) AS ended_at,
  CASE WHEN NOT running THEN max(0, end_at - start_at) / 1000000.0 END AS duration_s,
  CASE WHEN running AND given_up THEN 'unfinished' WHEN running THEN 'running' WHEN status >= 4 THEN 'failed'
    WHEN started_at IS NULL AND NOT is_point THEN 'waiting' ELSE 'ended' END AS state,
  json_patch(CASE start_labels WHEN '' THEN '{}' ELSE start_labels END,
    CASE WHEN end_labels = '' OR end_at IS NULL THEN '{}' ELSE end_labels END) AS labels,
  changed_by AS functions
FROM read;

-- Timelines with what their events add up to.
CREATE VIEW IF NOT EXISTS timeline_summaries AS
WITH read AS (
  SELECT c.name AS context, t.number AS timeline, t.name, t.labels, t.created_at, s.*,
    CAST(strftime('%s', 'now') AS integer) * 1000000 - t.received_at
      >= 1000000 * min(coalesce(c.abandon_after_s, 86400), iif(t.number < c.latest, 600, 9e9)) AS given_up
  FROM contexts c
  JOIN timelines t ON t.context_id = c.id
  LEFT JOIN (
    SELECT e.context_id, e.timeline AS number, count(*) AS events,
      min(coalesce(e.started_at, e.ended_at)) AS first,
      max(CASE WHEN e.started_at IS NULL OR (NOT e.is_point AND e.ended_at > coalesce(e.restarted_at, e.started_at))
        THEN e.ended_at ELSE coalesce(e.restarted_at, e.started_at) END) AS last,
      sum(e.started_at IS NOT NULL AND (e.ended_at IS NULL OR e.is_point
        OR coalesce(e.restarted_at, e.started_at) > e.ended_at)) AS running,
      sum(e.status >= 4 AND NOT (e.started_at IS NOT NULL AND (e.ended_at IS NULL OR e.is_point
        OR coalesce(e.restarted_at, e.started_at) > e.ended_at))) AS failed
    FROM events e GROUP BY e.context_id, e.timeline
  ) s ON s.context_id = t.context_id AND s.number = t.number
)
SELECT context, timeline, name, CASE labels WHEN '' THEN '{}' ELSE labels END AS labels,
  strftime('%Y-%m-%dT%H:%M:%S', created_at / 1000000, 'unixepoch') || printf('.%06dZ', created_at % 1000000)
    AS created_at,
  strftime('%Y-%m-%dT%H:%M:%S', first / 1000000, 'unixepoch') || printf('.%06dZ', first % 1000000) AS first,
  strftime('%Y-%m-%dT%H:%M:%S', last / 1000000, 'unixepoch') || printf('.%06dZ', last % 1000000) AS last,
  (last - first) / 1000000.0 AS duration_s,
  coalesce(events, 0) AS events, coalesce(running, 0) AS running, coalesce(failed, 0) AS failed,
  CASE WHEN running > 0 AND given_up THEN 'unfinished' WHEN running > 0 THEN 'running' WHEN failed > 0 THEN 'failed'
    WHEN events > 0 THEN 'ended' ELSE 'waiting' END AS state
FROM read;
