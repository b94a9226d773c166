-- From version 1 to 2: what schema.sql does not do, as it leaves alone what exists.
ALTER TABLE events ADD COLUMN functions integer NOT NULL DEFAULT 0;
DROP VIEW event_durations;
