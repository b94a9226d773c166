-- From version 2 to 3. Views are made anew by schema.sql; from_1.sql may have dropped one already.
ALTER TABLE contexts ADD COLUMN abandon_after_s integer;
DROP VIEW IF EXISTS event_durations;
DROP VIEW IF EXISTS timeline_summaries;
