-- +goose Up
SET LOCAL ROLE docuflow_owner;

ALTER TABLE sessions ADD COLUMN browser text NOT NULL DEFAULT '', -- as it names itself
    ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX ON sessions (user_id);

-- A mailed link is for an address. Whose that is shows when the link is used.
ALTER TABLE verifications ALTER COLUMN user_id DROP NOT NULL, ALTER COLUMN workspace_id DROP NOT NULL,
    ADD COLUMN email text NOT NULL DEFAULT '' CHECK (email = lower(email)),
    ADD CHECK (num_nonnulls(user_id, workspace_id) = 2 OR num_nonnulls(user_id, workspace_id) = 0 AND email <> '');
CREATE INDEX ON verifications (email, created_at) WHERE email <> '';
CREATE INDEX ON verifications (expires_at);

-- A row is removed when it is accepted or taken back.
CREATE TABLE invitations (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    email        text NOT NULL CHECK (email = lower(email)),
    role         text NOT NULL CHECK (role IN ('owner', 'member')),
    invited_by   text NOT NULL,
    token_hash   bytea NOT NULL UNIQUE, -- SHA-256
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    UNIQUE (workspace_id, email)
);
CREATE INDEX ON invitations (email);
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace ON invitations TO docuflow_app USING (workspace_id = current_workspace()) WITH CHECK (workspace_id = current_workspace());
CREATE POLICY sign_in ON invitations TO docuflow_service USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON invitations TO docuflow_app;
GRANT SELECT, DELETE ON invitations TO docuflow_service;

-- Who joins writes it down; reading stays the workspace's.
CREATE POLICY sign_in ON audit FOR INSERT TO docuflow_service WITH CHECK (true);
GRANT INSERT ON audit TO docuflow_service;
GRANT UPDATE (name) ON users TO docuflow_service;

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
REVOKE UPDATE (name) ON users FROM docuflow_service;
REVOKE INSERT ON audit FROM docuflow_service;
DROP POLICY sign_in ON audit;
DROP TABLE invitations;
DELETE FROM verifications WHERE user_id IS NULL;
DROP INDEX verifications_expires_at_idx;
ALTER TABLE verifications DROP COLUMN email CASCADE, ALTER COLUMN user_id SET NOT NULL, ALTER COLUMN workspace_id SET NOT NULL;
DROP INDEX sessions_user_id_idx;
ALTER TABLE sessions DROP COLUMN browser, DROP COLUMN seen_at;
RESET ROLE;
