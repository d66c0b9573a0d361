-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- The nodes that run. A row is removed by its own process when that stops, and by the others when it has not beaten
-- for long; a process that finds its row gone ends itself.
CREATE TABLE cluster_members (
    id           text PRIMARY KEY, -- of the process, new at every start
    node         text NOT NULL UNIQUE,
    address      text NOT NULL DEFAULT '', -- where other nodes reach it; empty: it is on its own
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    beat_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    steady_since timestamptz NOT NULL DEFAULT clock_timestamp(), -- has beaten without a pause since: only such a node judges others
    draining     boolean NOT NULL DEFAULT false,
    mails        int NOT NULL DEFAULT 0, -- in work
    documents    int NOT NULL DEFAULT 0  -- in work
);
CREATE UNIQUE INDEX cluster_members_address ON cluster_members (address) WHERE address <> '';

-- What a workspace may use. Limits are those of the whole workspace; its shards share them.
CREATE TABLE plans (
    name                 text PRIMARY KEY,
    slots                int NOT NULL CHECK (slots > 0),                -- mails and documents in work at a time
    documents_per_minute int NOT NULL CHECK (documents_per_minute > 0), -- that begin; as many may begin at once
    shards               int NOT NULL CHECK (shards BETWEEN 1 AND 64)   -- parts that may be worked on by different nodes
);
INSERT INTO plans VALUES ('FREE', 8, 1200, 1), ('PRO', 32, 12000, 2);
ALTER TABLE workspaces ADD COLUMN plan text NOT NULL DEFAULT 'FREE' REFERENCES plans;

-- Hard limits of outside services, shared by all nodes: token buckets.
CREATE TABLE outside_limits (
    name              text PRIMARY KEY,
    capacity          double precision NOT NULL CHECK (capacity >= 1),
    refill_per_second double precision NOT NULL CHECK (refill_per_second > 0),
    tokens            double precision NOT NULL CHECK (tokens >= 0), -- at updated_at
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE cluster_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE cluster_members FORCE ROW LEVEL SECURITY;
ALTER TABLE plans ENABLE ROW LEVEL SECURITY;
ALTER TABLE plans FORCE ROW LEVEL SECURITY;
ALTER TABLE outside_limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE outside_limits FORCE ROW LEVEL SECURITY;

CREATE POLICY nodes ON cluster_members TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY limits ON outside_limits TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY everybody ON plans FOR SELECT TO docuflow_app, docuflow_service USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON cluster_members TO docuflow_service;
GRANT SELECT, INSERT, UPDATE ON outside_limits TO docuflow_service;
GRANT SELECT ON plans TO docuflow_app, docuflow_service;

-- Operators count by stage; they still read nothing that people wrote.
GRANT SELECT (stage) ON documents TO docuflow_service;
CREATE INDEX documents_failed ON documents (stage) WHERE status = 'FAILED' AND discarded_at IS NULL;

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
DROP INDEX documents_failed;
REVOKE SELECT (stage) ON documents FROM docuflow_service;
ALTER TABLE workspaces DROP COLUMN plan;
DROP TABLE cluster_members, plans, outside_limits;
RESET ROLE;
