-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- What the last check of the balance has found. One row: one node at a time checks, and all read the same figures.
CREATE TABLE balance_checks (
    single     boolean PRIMARY KEY DEFAULT true CHECK (single),
    next_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    checked_at timestamptz,                  -- null: never
    took       interval NOT NULL DEFAULT '0',
    mails      jsonb NOT NULL DEFAULT '{}',  -- how many are in each state
    documents  jsonb NOT NULL DEFAULT '{}',
    problems   jsonb NOT NULL DEFAULT '{}'   -- how many break each rule
);
INSERT INTO balance_checks DEFAULT VALUES;
ALTER TABLE balance_checks ENABLE ROW LEVEL SECURITY;
ALTER TABLE balance_checks FORCE ROW LEVEL SECURITY;
CREATE POLICY balance ON balance_checks TO docuflow_service USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON balance_checks TO docuflow_service;

-- The events are the second book: what they say has arrived must still be there.
CREATE INDEX events_at ON events USING brin (at);
CREATE POLICY balance ON events FOR SELECT TO docuflow_service USING (true);
GRANT SELECT (kind, document_id, mail_id, at) ON events TO docuflow_service;
GRANT SELECT (id) ON documents TO docuflow_service;

RESET ROLE;
-- The list of migrations belongs to the login that migrates. docuflow doctor compares it with what the program knows.
GRANT SELECT ON goose_db_version TO docuflow_service;

-- +goose Down
REVOKE SELECT ON goose_db_version FROM docuflow_service;
SET LOCAL ROLE docuflow_owner;
REVOKE SELECT (id) ON documents FROM docuflow_service;
REVOKE SELECT (kind, document_id, mail_id, at) ON events FROM docuflow_service;
DROP POLICY balance ON events;
DROP INDEX events_at;
DROP TABLE balance_checks;
RESET ROLE;
