-- upto's schema for Postgres (13 or newer): the only copy of it.
--
-- `upto` applies it when it opens a store whose schema is older, in one transaction and under an advisory lock. By hand:
--   psql --single-transaction --file schema.sql DATABASE
-- It can be applied again at any time. Whoever changes it raises the version at the end and adds the step from the version
-- before, so that it fits an empty database and an old one.
--
-- All keys begin with the context, so that contexts can be spread over partitions or servers.

CREATE SCHEMA IF NOT EXISTS upto;
COMMENT ON SCHEMA upto IS 'What many-step processes on many machines are up to. Read event_durations and timeline_summaries.';

CREATE TABLE IF NOT EXISTS upto.schema_version (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE upto.schema_version IS 'The versions of this schema that were applied; the greatest is that of the tables.';

CREATE TABLE IF NOT EXISTS upto.contexts (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  latest integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  abandon_after_s integer,
  generation integer NOT NULL DEFAULT 0,
  generation_at timestamptz,
  deleted_at timestamptz
) WITH (fillfactor = 70);
-- From version 2.
ALTER TABLE upto.contexts ADD COLUMN IF NOT EXISTS abandon_after_s integer;
-- From version 3.
ALTER TABLE upto.contexts ADD COLUMN IF NOT EXISTS generation integer NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS generation_at timestamptz, ADD COLUMN IF NOT EXISTS deleted_at timestamptz;
COMMENT ON TABLE upto.contexts IS 'Kinds of process, such as "deploy of shop".';
COMMENT ON COLUMN upto.contexts.latest IS 'The number of the newest timeline; 0 while there is none.';
COMMENT ON COLUMN upto.contexts.created_at IS 'When the first report was received.';
COMMENT ON COLUMN upto.contexts.abandon_after_s IS
  'After so many seconds of silence what runs in a timeline is unfinished; NULL for 24 hours. Follows the rules of upto.toml.';
COMMENT ON COLUMN upto.contexts.generation IS 'That of its texts. When it rises, instances learn their ids anew.';
COMMENT ON COLUMN upto.contexts.generation_at IS 'When it rose, until the texts of older ones are looked through; NULL in between.';
COMMENT ON COLUMN upto.contexts.deleted_at IS 'When events were deleted first since then, so that there may be texts that no event uses.';

CREATE TABLE IF NOT EXISTS upto.timelines (
  context_id integer NOT NULL REFERENCES upto.contexts ON DELETE CASCADE,
  number integer NOT NULL,
  revision bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  name text COLLATE "C",
  labels text COLLATE "C" NOT NULL DEFAULT '',
  PRIMARY KEY (context_id, number),
  UNIQUE (context_id, name)
) WITH (fillfactor = 50); -- Each batch updates a row; there must be room for it in the page, as no index changes.
COMMENT ON TABLE upto.timelines IS 'Runs of a context, numbered from 1 without gaps. Delete the events of one before the row.';
COMMENT ON COLUMN upto.timelines.revision IS 'Grows with every batch that touches the timeline.';
COMMENT ON COLUMN upto.timelines.received_at IS 'When something was last received for it.';
COMMENT ON COLUMN upto.timelines.labels IS 'A JSON object, or empty.';

CREATE TABLE IF NOT EXISTS upto.texts (
  context_id integer NOT NULL REFERENCES upto.contexts ON DELETE CASCADE,
  id integer GENERATED ALWAYS AS IDENTITY,
  text text COLLATE "C" NOT NULL,
  generation integer NOT NULL DEFAULT 0,
  PRIMARY KEY (context_id, id),
  UNIQUE (context_id, text)
) WITH (fillfactor = 90);
-- From version 3.
ALTER TABLE upto.texts ADD COLUMN IF NOT EXISTS generation integer NOT NULL DEFAULT 0;
COMMENT ON TABLE upto.texts IS
  'The names of events and hosts. Instances remember them: only upto may delete rows while their context exists.';
COMMENT ON COLUMN upto.texts.generation IS 'That of its context when an instance last learnt it.';

-- No foreign keys: to check three of them for each of many rows a second costs more than to write the rows. No index but the
-- key: each would cost as much as the table. The order of the columns leaves no padding: about 120 bytes a row, index included.
CREATE TABLE IF NOT EXISTS upto.events (
  context_id integer NOT NULL,
  timeline integer NOT NULL,
  name_id integer NOT NULL,
  host_id integer NOT NULL,
  started_at timestamptz,
  restarted_at timestamptz,
  ended_at timestamptz,
  status smallint NOT NULL DEFAULT 0,
  functions smallint NOT NULL DEFAULT 0,
  is_point boolean NOT NULL DEFAULT false,
  start_labels text COLLATE "C" NOT NULL DEFAULT '',
  end_labels text COLLATE "C" NOT NULL DEFAULT '',
  PRIMARY KEY (context_id, timeline, name_id, host_id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
-- From version 1.
ALTER TABLE upto.events ADD COLUMN IF NOT EXISTS functions smallint NOT NULL DEFAULT 0;
COMMENT ON TABLE upto.events IS 'What reports said about steps, merged. People read event_durations instead.';
COMMENT ON COLUMN upto.events.host_id IS 'A row of texts; 0 for no host.';
COMMENT ON COLUMN upto.events.started_at IS 'The earliest start.';
COMMENT ON COLUMN upto.events.restarted_at IS 'The latest start, where it is not the earliest.';
COMMENT ON COLUMN upto.events.ended_at IS 'The latest end; without one, the latest point.';
COMMENT ON COLUMN upto.events.is_point IS 'Whether ended_at is a point.';
COMMENT ON COLUMN upto.events.status IS
  'Of ended_at: 0 none said, 1 skipped, 2 success, 3 cancelled, 4 timeout, 5 failure, 6 error. From 4 on it failed.';
COMMENT ON COLUMN upto.events.functions IS
  'Which functions changed the report that tells ended_at (without one, started_at): a row of function_sets; 0 for none.';
COMMENT ON COLUMN upto.events.start_labels IS 'Of the earliest start: a JSON object with sorted keys, or empty.';
COMMENT ON COLUMN upto.events.end_labels IS 'Of ended_at: a JSON object with sorted keys, or empty.';

CREATE TABLE IF NOT EXISTS upto.function_sets (
  id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  functions text COLLATE "C" NOT NULL UNIQUE
);
COMMENT ON TABLE upto.function_sets IS
  'Which functions changed a report, each set once. Instances remember them: rows stay. When all ids are used, 0 is written.';
COMMENT ON COLUMN upto.function_sets.functions IS
  'function@version, with spaces between, in the order in which they changed the report.';

CREATE TABLE IF NOT EXISTS upto.functions (
  name text COLLATE "C" PRIMARY KEY,
  versions integer NOT NULL DEFAULT 0,
  active integer,
  canary text NOT NULL DEFAULT '',
  rolled_back text NOT NULL DEFAULT '',
  deleted boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE upto.functions IS 'Functions that were deployed, and which of their versions are live.';
COMMENT ON COLUMN upto.functions.versions IS 'The number of the newest version; it never falls.';
COMMENT ON COLUMN upto.functions.active IS 'The version that runs; NULL while the function is disabled.';
COMMENT ON COLUMN upto.functions.canary IS 'How a second version is tried beside it: a JSON object, or empty.';
COMMENT ON COLUMN upto.functions.rolled_back IS 'What ended the last canary by itself: a JSON object, or empty.';
COMMENT ON COLUMN upto.functions.deleted IS 'Whether it was deleted. The row stays so that no number means two versions.';

CREATE TABLE IF NOT EXISTS upto.function_versions (
  function text COLLATE "C" NOT NULL REFERENCES upto.functions ON DELETE CASCADE,
  number integer NOT NULL,
  language text NOT NULL,
  code bytea NOT NULL,
  sha256 bytea NOT NULL,
  cases text NOT NULL,
  settings text NOT NULL,
  author text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (function, number)
);
COMMENT ON TABLE upto.function_versions IS 'The versions of functions, numbered from 1 without gaps. They never change.';
COMMENT ON COLUMN upto.function_versions.code IS 'Lua is text in UTF-8: convert_from(code, ''UTF8'') shows it.';
COMMENT ON COLUMN upto.function_versions.sha256 IS 'Of the code: encode(sha256, ''hex'') shows it.';
COMMENT ON COLUMN upto.function_versions.cases IS 'A JSON list: cases::jsonb reads it.';
COMMENT ON COLUMN upto.function_versions.settings IS 'A JSON object: settings::jsonb reads it.';
COMMENT ON COLUMN upto.function_versions.author IS 'Who deployed it; empty where nobody said.';

CREATE TABLE IF NOT EXISTS upto.lookup_tables (
  name text COLLATE "C" PRIMARY KEY,
  format text NOT NULL,
  rows bigint NOT NULL,
  content bytea NOT NULL,
  sha256 bytea NOT NULL,
  changed_at timestamptz NOT NULL
);
COMMENT ON TABLE upto.lookup_tables IS 'What functions look up.';
COMMENT ON COLUMN upto.lookup_tables.format IS 'csv or json.';
COMMENT ON COLUMN upto.lookup_tables.content IS 'Text in UTF-8: convert_from(content, ''UTF8'') shows it.';

CREATE TABLE IF NOT EXISTS upto.dead_letters (
  function text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  cause text NOT NULL,
  reason text NOT NULL,
  report text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (function, id)
);
COMMENT ON TABLE upto.dead_letters IS 'Reports that functions failed on, kept for a while. There are at most 10,000 of a function.';
COMMENT ON COLUMN upto.dead_letters.version IS 'The version that failed; 0 for a function from a folder.';
COMMENT ON COLUMN upto.dead_letters.cause IS 'The kind of failure.';
COMMENT ON COLUMN upto.dead_letters.reason IS 'What happened.';
COMMENT ON COLUMN upto.dead_letters.report IS 'The report as the function was given it: report::jsonb reads it.';
COMMENT ON COLUMN upto.dead_letters.at IS 'When it failed.';

CREATE TABLE IF NOT EXISTS upto.registry (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  revision bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO upto.registry DEFAULT VALUES ON CONFLICT DO NOTHING;
COMMENT ON TABLE upto.registry IS 'One row, by which instances see that functions or lookup tables have changed.';
COMMENT ON COLUMN upto.registry.revision IS
  'Grows with every change of functions, function_versions and lookup_tables: who changes them by hand raises it too.';

CREATE TABLE IF NOT EXISTS upto.housekeeping (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  holder text NOT NULL,
  until timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE upto.housekeeping IS 'At most one row: the lease of the instance that does the housekeeping for all.';
COMMENT ON COLUMN upto.housekeeping.holder IS 'Which instance.';
COMMENT ON COLUMN upto.housekeeping.until IS 'From then on another one may take it.';

CREATE OR REPLACE VIEW upto.event_durations AS
SELECT c.name AS context, t.number AS timeline, n.text AS name, coalesce(h.text, '') AS host,
  CASE WHEN e.started_at IS NULL AND e.is_point THEN 'point' ELSE 'span' END AS kind,
  CASE WHEN NOT x.running THEN (ARRAY['skipped', 'success', 'cancelled', 'timeout', 'failure', 'error'])[e.status] END
    AS status,
  x.start_at AS started_at, e.restarted_at, x.end_at AS ended_at,
  CASE WHEN NOT x.running THEN extract(epoch FROM greatest(x.end_at, x.start_at) - x.start_at)::float8 END
    AS duration_s,
  CASE WHEN x.running AND x.given_up THEN 'unfinished' WHEN x.running THEN 'running' WHEN e.status >= 4 THEN 'failed'
    WHEN e.started_at IS NULL AND NOT e.is_point THEN 'waiting' ELSE 'ended' END AS state,
  coalesce(nullif(e.start_labels, ''), '{}')::jsonb
    || CASE WHEN x.end_at IS NULL THEN '{}' ELSE coalesce(nullif(e.end_labels, ''), '{}')::jsonb END AS labels,
  coalesce(f.functions, '') AS functions
FROM upto.contexts c
JOIN upto.timelines t ON t.context_id = c.id
JOIN upto.events e ON e.context_id = t.context_id AND e.timeline = t.number
JOIN upto.texts n ON n.context_id = e.context_id AND n.id = e.name_id
LEFT JOIN upto.texts h ON h.context_id = e.context_id AND h.id = e.host_id
LEFT JOIN upto.function_sets f ON f.id = e.functions
CROSS JOIN LATERAL (
  SELECT e.started_at IS NOT NULL
      AND (e.ended_at IS NULL OR e.is_point OR coalesce(e.restarted_at, e.started_at) > e.ended_at) AS running,
    CASE WHEN e.started_at IS NULL AND e.is_point THEN e.ended_at ELSE e.started_at END AS start_at,
    CASE WHEN e.started_at IS NULL OR NOT e.is_point THEN e.ended_at END AS end_at,
    now() - t.received_at >= make_interval(
      secs => least(coalesce(c.abandon_after_s, 86400), CASE WHEN t.number < c.latest THEN 600 END)) AS given_up
) x;
COMMENT ON VIEW upto.event_durations IS 'One row a step of a run, on one host or on none.';
COMMENT ON COLUMN upto.event_durations.context IS 'The kind of process.';
COMMENT ON COLUMN upto.event_durations.timeline IS 'The number of the run.';
COMMENT ON COLUMN upto.event_durations.name IS 'The step, as a dotted path.';
COMMENT ON COLUMN upto.event_durations.host IS 'Where; empty for nowhere in particular.';
COMMENT ON COLUMN upto.event_durations.kind IS 'span, or point for a step without duration.';
COMMENT ON COLUMN upto.event_durations.status IS
  'What the latest end said: skipped, success, cancelled, timeout, failure or error; NULL where it said nothing.';
COMMENT ON COLUMN upto.event_durations.started_at IS 'The earliest start; NULL where only an end has come.';
COMMENT ON COLUMN upto.event_durations.restarted_at IS 'The latest start, where it is not the earliest.';
COMMENT ON COLUMN upto.event_durations.ended_at IS 'The latest end; NULL where none has come.';
COMMENT ON COLUMN upto.event_durations.duration_s IS 'Seconds from started_at to ended_at; NULL while it runs.';
COMMENT ON COLUMN upto.event_durations.state IS
  'waiting (for its start), running, ended, failed, or unfinished: it runs, but its timeline received nothing for 24 hours (or what abandon_after_s of its context says), or for 10 minutes where there is a newer one.';
COMMENT ON COLUMN upto.event_durations.labels IS 'Those of the earliest start and of the latest end; the end''s win.';
COMMENT ON COLUMN upto.event_durations.functions IS
  'Which functions changed the report that tells its end (its start, where none has come), as in "rename@3 hosts@1"; empty for none.';

CREATE OR REPLACE VIEW upto.timeline_summaries AS
SELECT c.name AS context, t.number AS timeline, t.name,
  coalesce(nullif(t.labels, ''), '{}')::jsonb AS labels,
  t.created_at, s.first, s.last, extract(epoch FROM s.last - s.first)::float8 AS duration_s,
  s.events, s.running, s.failed,
  CASE
    WHEN s.running > 0 AND now() - t.received_at >= make_interval(
      secs => least(coalesce(c.abandon_after_s, 86400), CASE WHEN t.number < c.latest THEN 600 END)) THEN 'unfinished'
    WHEN s.running > 0 THEN 'running' WHEN s.failed > 0 THEN 'failed' WHEN s.events > 0 THEN 'ended' ELSE 'waiting'
  END AS state
FROM upto.contexts c
JOIN upto.timelines t ON t.context_id = c.id
CROSS JOIN LATERAL (
  SELECT count(*) AS events, count(*) FILTER (WHERE x.running) AS running,
    count(*) FILTER (WHERE e.status >= 4 AND NOT x.running) AS failed,
    min(coalesce(e.started_at, e.ended_at)) AS first,
    max(greatest(coalesce(e.restarted_at, e.started_at),
      CASE WHEN e.started_at IS NULL OR NOT e.is_point THEN e.ended_at END)) AS last
  FROM upto.events e
  CROSS JOIN LATERAL (
    SELECT e.started_at IS NOT NULL
      AND (e.ended_at IS NULL OR e.is_point OR coalesce(e.restarted_at, e.started_at) > e.ended_at) AS running
  ) x
  WHERE e.context_id = t.context_id AND e.timeline = t.number
) s;
COMMENT ON VIEW upto.timeline_summaries IS 'One row a run.';
COMMENT ON COLUMN upto.timeline_summaries.context IS 'The kind of process.';
COMMENT ON COLUMN upto.timeline_summaries.timeline IS 'The number of the run.';
COMMENT ON COLUMN upto.timeline_summaries.name IS 'The name it was given, or NULL.';
COMMENT ON COLUMN upto.timeline_summaries.labels IS 'Labels it was given when it was made.';
COMMENT ON COLUMN upto.timeline_summaries.created_at IS 'When it was begun.';
COMMENT ON COLUMN upto.timeline_summaries.first IS 'The earliest moment of its events.';
COMMENT ON COLUMN upto.timeline_summaries.last IS 'The latest moment of its events.';
COMMENT ON COLUMN upto.timeline_summaries.duration_s IS 'Seconds from first to last.';
COMMENT ON COLUMN upto.timeline_summaries.events IS 'How many steps it has.';
COMMENT ON COLUMN upto.timeline_summaries.running IS 'How many of them started and have not ended.';
COMMENT ON COLUMN upto.timeline_summaries.failed IS 'How many of them failed.';
COMMENT ON COLUMN upto.timeline_summaries.state IS
  'running or unfinished while a step runs (see event_durations), else failed, ended, or waiting for the first step.';

INSERT INTO upto.schema_version (version) VALUES (4) ON CONFLICT DO NOTHING;
