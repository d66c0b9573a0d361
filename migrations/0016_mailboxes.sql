-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- Mailboxes elsewhere that mail is fetched from. One node at a time reads each.
CREATE TABLE mailboxes (
    name         text PRIMARY KEY, -- user, server and mailbox
    uid_validity bigint NOT NULL DEFAULT 0, -- 0: never read
    uid          bigint NOT NULL DEFAULT 0, -- the last one that was taken
    since        timestamptz NOT NULL DEFAULT clock_timestamp(), -- when reading began
    lease_node   text NOT NULL DEFAULT '',
    lease_until  timestamptz NOT NULL DEFAULT '-infinity'
);
ALTER TABLE mailboxes ENABLE ROW LEVEL SECURITY;
ALTER TABLE mailboxes FORCE ROW LEVEL SECURITY;
CREATE POLICY nodes ON mailboxes TO docuflow_service USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON mailboxes TO docuflow_service;

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
DROP TABLE mailboxes;
RESET ROLE;
