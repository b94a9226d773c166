-- From version 3 to 4.
ALTER TABLE contexts ADD COLUMN generation integer NOT NULL DEFAULT 0;
ALTER TABLE contexts ADD COLUMN generation_at integer;
ALTER TABLE contexts ADD COLUMN deleted_at integer;
ALTER TABLE texts ADD COLUMN generation integer NOT NULL DEFAULT 0;
