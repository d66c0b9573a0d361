-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- Another server of ours took the mail: remote_addr is that server's, and no sign of who sent it.
ALTER TABLE mails ADD COLUMN handed_over boolean NOT NULL DEFAULT false;

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
ALTER TABLE mails DROP COLUMN handed_over;
RESET ROLE;
