-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- What an operator asks of a node. The node obeys at its next heartbeat.
ALTER TABLE cluster_members ADD COLUMN drain_asked boolean NOT NULL DEFAULT false,
    ADD COLUMN returns int NOT NULL DEFAULT 0; -- how often it went on afterwards

-- A pause without a workspace is the whole installation's: an operator's. Everybody sees it, nobody's people can lift it.
ALTER TABLE stage_pauses DROP CONSTRAINT stage_pauses_pkey;
ALTER TABLE stage_pauses ALTER COLUMN workspace_id DROP NOT NULL;
CREATE UNIQUE INDEX stage_pauses_once ON stage_pauses (workspace_id, stage, connection) NULLS NOT DISTINCT;
CREATE POLICY everybody ON stage_pauses FOR SELECT TO docuflow_app USING (workspace_id IS NULL);
CREATE POLICY operators ON stage_pauses FOR INSERT TO docuflow_service WITH CHECK (workspace_id IS NULL);
CREATE POLICY operators_lift ON stage_pauses FOR DELETE TO docuflow_service USING (workspace_id IS NULL);
GRANT INSERT, DELETE ON stage_pauses TO docuflow_service;

-- What operators did to the installation; what is done in a workspace is in its own audit.
CREATE TABLE operator_audit (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor   text NOT NULL,
    action  text NOT NULL,
    subject text NOT NULL DEFAULT '',
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE operator_audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE operator_audit FORCE ROW LEVEL SECURITY;
CREATE POLICY operators ON operator_audit TO docuflow_service USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON operator_audit TO docuflow_service;

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
DROP TABLE operator_audit;
REVOKE INSERT, DELETE ON stage_pauses FROM docuflow_service;
DROP POLICY operators_lift ON stage_pauses;
DROP POLICY operators ON stage_pauses;
DROP POLICY everybody ON stage_pauses;
DELETE FROM stage_pauses WHERE workspace_id IS NULL;
DROP INDEX stage_pauses_once;
ALTER TABLE stage_pauses ALTER COLUMN workspace_id SET NOT NULL;
ALTER TABLE stage_pauses ADD PRIMARY KEY (workspace_id, stage, connection);
ALTER TABLE cluster_members DROP COLUMN drain_asked, DROP COLUMN returns;
RESET ROLE;
