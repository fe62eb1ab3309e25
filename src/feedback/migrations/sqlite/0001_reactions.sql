-- Pictures that users reacted to, and their reactions. No picture, name or address: digests are keyed (see key.rs).
CREATE TABLE pictures (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  hash BIGINT NOT NULL,
  features BLOB NOT NULL,
  features_id TEXT NOT NULL,
  first_seen BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE INDEX pictures_revision ON pictures (revision);
CREATE TABLE reactions (
  picture BIGINT NOT NULL REFERENCES pictures (id) ON DELETE CASCADE,
  person BLOB NOT NULL,
  kind BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (picture, person, kind)
);
CREATE INDEX reactions_person ON reactions (person, at);
-- Counted up by each change, so that another process can tell what is new; and by each removal of whole pictures.
CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO counters VALUES ('revision', 0), ('removal', 0);
