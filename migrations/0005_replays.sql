-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- When work became a dead letter, and when its present stage was tried first.
ALTER TABLE documents ADD COLUMN failed_at timestamptz, ADD COLUMN tried_at timestamptz;
ALTER TABLE mails ADD COLUMN failed_at timestamptz, ADD COLUMN error_kind text NOT NULL DEFAULT '', ADD COLUMN discarded_at timestamptz;
UPDATE documents SET failed_at = updated_at WHERE status = 'FAILED';
UPDATE mails SET failed_at = updated_at, error_kind = coalesce((SELECT a.error_kind FROM attempts a WHERE a.mail_id = mails.id ORDER BY a.id DESC LIMIT 1), 'internal')
    WHERE status = 'FAILED';
CREATE INDEX documents_dead ON documents (workspace_id, failed_at) WHERE status = 'FAILED';
CREATE INDEX mails_dead ON mails (workspace_id, failed_at) WHERE status = 'FAILED';
-- What operators look at is the last hour: indexes that cost the work nothing.
CREATE INDEX documents_completed ON documents (completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX attempts_lately ON attempts USING brin (queued_at) WITH (pages_per_range = 16);
CREATE INDEX mails_lately ON mails USING brin (received_at) WITH (pages_per_range = 16);

-- A stage of one workspace that waits until a person acts. Documents at that stage are not claimed.
CREATE TABLE stage_pauses (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    stage        text NOT NULL,
    connection   text NOT NULL DEFAULT '', -- what has to be mended; empty when it is none
    kind         text NOT NULL,
    reason       text NOT NULL, -- for the workspace's people
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (workspace_id, stage, connection)
);

-- A replay gives dead letters another try, some each second. Its items are chosen when it begins: what
-- fails again is not tried again.
CREATE TABLE replays (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    filter       jsonb NOT NULL,
    actor        text NOT NULL,
    total        int NOT NULL,
    per_second   int NOT NULL CHECK (per_second > 0),
    next_at      timestamptz NOT NULL DEFAULT clock_timestamp(), -- of the next step; taking a step moves it
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz, -- everything is released, or it was stopped
    stopped_by   text NOT NULL DEFAULT '',
    UNIQUE (workspace_id, id)
);
CREATE INDEX replays_due ON replays (next_at) WHERE finished_at IS NULL;
CREATE INDEX ON replays (workspace_id, created_at DESC);

CREATE TABLE replay_items (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    replay_id    uuid NOT NULL,
    document_id  uuid,
    mail_id      uuid,
    released_at  timestamptz,
    CHECK (num_nonnulls(document_id, mail_id) = 1),
    FOREIGN KEY (workspace_id, replay_id) REFERENCES replays (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, document_id) REFERENCES documents (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, mail_id) REFERENCES mails (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX ON replay_items (workspace_id, replay_id, id) WHERE released_at IS NULL;
CREATE INDEX ON replay_items (workspace_id, replay_id);

-- An operator sees the installation, without any tenant's content.
ALTER TABLE users ADD COLUMN operator boolean NOT NULL DEFAULT false;
GRANT UPDATE (operator) ON users TO docuflow_service;

-- +goose StatementBegin
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['stage_pauses', 'replays', 'replay_items'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY workspace ON %I TO docuflow_app
                        USING (workspace_id = current_workspace()) WITH CHECK (workspace_id = current_workspace())', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO docuflow_app', name);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- The recovery scan leaves paused stages out and finds replays; operations counts, and reads no content.
CREATE POLICY recovery ON stage_pauses FOR SELECT TO docuflow_service USING (true);
CREATE POLICY recovery ON replays FOR SELECT TO docuflow_service USING (true);
CREATE POLICY operations ON attempts FOR SELECT TO docuflow_service USING (true);
GRANT SELECT (workspace_id, stage, since) ON stage_pauses TO docuflow_service;
GRANT SELECT (workspace_id, next_at, finished_at) ON replays TO docuflow_service;
GRANT SELECT (stage, outcome, queued_at, started_at, finished_at) ON attempts TO docuflow_service;
GRANT SELECT (mail_id, queued_at, created_at, completed_at, failed_at) ON documents TO docuflow_service;
GRANT SELECT (id, disposition, received_at, failed_at) ON mails TO docuflow_service;

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
DROP POLICY operations ON attempts;
REVOKE SELECT (stage, outcome, queued_at, started_at, finished_at) ON attempts FROM docuflow_service;
REVOKE SELECT (mail_id, queued_at, created_at, completed_at, failed_at) ON documents FROM docuflow_service;
REVOKE SELECT (id, disposition, received_at) ON mails FROM docuflow_service;
DROP TABLE replay_items, replays, stage_pauses;
DROP INDEX documents_dead, mails_dead, documents_completed, attempts_lately, mails_lately;
ALTER TABLE users DROP COLUMN operator;
ALTER TABLE documents DROP COLUMN failed_at, DROP COLUMN tried_at;
ALTER TABLE mails DROP COLUMN failed_at, DROP COLUMN error_kind, DROP COLUMN discarded_at;
RESET ROLE;
