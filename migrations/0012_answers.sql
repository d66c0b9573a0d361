-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- Whether senders are told what became of their mail.
ALTER TABLE mail_policies ADD COLUMN answers boolean NOT NULL DEFAULT false;

-- What senders are told: one row for a mail, made with its outcome, and so at most one answer.
CREATE TABLE answers (
    workspace_id    uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    mail_id         uuid NOT NULL,
    recipient       text NOT NULL,
    state           text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sent', 'given_up')),
    reason          text NOT NULL DEFAULT '', -- why the last attempt failed
    attempt         int NOT NULL DEFAULT 0,
    epoch           bigint NOT NULL DEFAULT 0,
    lease_node      text NOT NULL DEFAULT '',
    lease_until     timestamptz NOT NULL DEFAULT '-infinity',
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at        timestamptz,
    PRIMARY KEY (workspace_id, mail_id),
    FOREIGN KEY (workspace_id, mail_id) REFERENCES mails (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX answers_due ON answers (next_attempt_at) WHERE state = 'due';
CREATE INDEX answers_by_recipient ON answers (workspace_id, recipient, made_at DESC);

ALTER TABLE answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE answers FORCE ROW LEVEL SECURITY;
CREATE POLICY workspace ON answers TO docuflow_app USING (workspace_id = current_workspace()) WITH CHECK (workspace_id = current_workspace());
GRANT SELECT, INSERT, UPDATE, DELETE ON answers TO docuflow_app;
CREATE POLICY recovery ON answers FOR SELECT TO docuflow_service USING (true);
GRANT SELECT (workspace_id, mail_id, state, next_attempt_at, lease_until) ON answers TO docuflow_service;

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
DROP TABLE answers;
ALTER TABLE mail_policies DROP COLUMN answers;
RESET ROLE;
