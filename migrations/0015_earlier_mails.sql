-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- A picture that came before is part of its sender's design.
CREATE INDEX mails_by_author ON mails (workspace_id, author, received_at DESC);

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
DROP INDEX mails_by_author;
RESET ROLE;
