-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- A stage's end changes no indexed column of its document, so that PostgreSQL can write the row beside its predecessor
-- and leave all indexes alone. What changed since a sequence number is found by the events.
DROP INDEX documents_by_seq;
DROP INDEX documents_failed; -- documents_dead serves as well
ALTER TABLE documents SET (fillfactor = 70);
ALTER TABLE attempts SET (fillfactor = 85);
ALTER TABLE workspaces SET (fillfactor = 50);

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
ALTER TABLE documents RESET (fillfactor);
ALTER TABLE attempts RESET (fillfactor);
ALTER TABLE workspaces RESET (fillfactor);
CREATE INDEX documents_failed ON documents (stage) WHERE status = 'FAILED' AND discarded_at IS NULL;
CREATE INDEX documents_by_seq ON documents (workspace_id, seq);
RESET ROLE;
