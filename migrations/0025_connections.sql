-- +goose Up
SET LOCAL ROLE docuflow_owner;

ALTER TABLE connections
    ADD COLUMN reason  text NOT NULL DEFAULT '',          -- why it is not active, for people
    ADD COLUMN events  text[] NOT NULL DEFAULT '{}',      -- what it wants to be told
    ADD COLUMN version bigint NOT NULL DEFAULT 1,         -- grows with every change of settings or secret
    ADD COLUMN since   timestamptz NOT NULL DEFAULT clock_timestamp(), -- in its present state
    ADD COLUMN tested  jsonb,                             -- the last test in full
    ADD CONSTRAINT connections_state CHECK (state IN ('active', 'paused', 'needs_person')),
    ADD CONSTRAINT connections_workspace UNIQUE (workspace_id, id);

-- How calls of a connection went. Old ones are removed as new ones come.
CREATE TABLE connection_calls (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id  uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    connection_id uuid NOT NULL,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    took          interval NOT NULL,
    outcome       text NOT NULL,
    error         text NOT NULL DEFAULT '',
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX ON connection_calls (connection_id, id DESC);

-- What connections are to be told, and how that went: one row for each thing told to each connection, written with what
-- it tells of.
CREATE TABLE notices (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id    uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    connection_id   uuid NOT NULL,
    document_id     uuid NOT NULL,
    event           text NOT NULL,
    occasion        bigint NOT NULL DEFAULT 0, -- tells events apart that can come more than once
    state           text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done', 'failed')),
    staged          boolean NOT NULL DEFAULT false, -- a stage of the document tells it
    attempt         int NOT NULL DEFAULT 0,
    epoch           bigint NOT NULL DEFAULT 0,
    lease_node      text NOT NULL DEFAULT '',
    lease_until     timestamptz NOT NULL DEFAULT '-infinity',
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    error           text NOT NULL DEFAULT '', -- of the last attempt, for people
    told            text NOT NULL DEFAULT '', -- the connection's title, once it was told
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at     timestamptz,
    UNIQUE (connection_id, document_id, event, occasion),
    FOREIGN KEY (workspace_id, connection_id) REFERENCES connections (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, document_id) REFERENCES documents (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX notices_due ON notices (next_attempt_at) WHERE state = 'due';
CREATE INDEX ON notices (workspace_id, document_id);
CREATE INDEX ON notices (connection_id, created_at DESC);

-- +goose StatementBegin
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['connection_calls', 'notices'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY workspace ON %I TO docuflow_app
                        USING (workspace_id = current_workspace()) WITH CHECK (workspace_id = current_workspace())', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO docuflow_app', name);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- The scan finds notices that are due, and gives back those of a node that stopped.
CREATE POLICY recovery ON notices TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY recovery ON connections FOR SELECT TO docuflow_service USING (true);
GRANT SELECT (workspace_id, connection_id, state, staged, next_attempt_at, lease_node, lease_until), UPDATE (lease_until) ON notices TO docuflow_service;
GRANT SELECT (id, workspace_id, state) ON connections TO docuflow_service;

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
DROP TABLE notices, connection_calls;
DROP POLICY recovery ON connections;
REVOKE SELECT (id, workspace_id, state) ON connections FROM docuflow_service;
ALTER TABLE connections DROP CONSTRAINT connections_state, DROP CONSTRAINT connections_workspace,
    DROP COLUMN reason, DROP COLUMN events, DROP COLUMN version, DROP COLUMN since, DROP COLUMN tested;
RESET ROLE;
