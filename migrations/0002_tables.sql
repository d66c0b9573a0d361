-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- The workspace of the running transaction; null, and so nothing, when none is set.
CREATE FUNCTION current_workspace() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('app.workspace_id', true), '')::uuid $$;

CREATE TABLE workspaces (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    slug       text NOT NULL UNIQUE,
    event_seq  bigint NOT NULL DEFAULT 0, -- of the last event; its row lock orders a workspace's commits
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Categories beyond the built-in ones.
CREATE TABLE categories (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    name         text NOT NULL,
    words        text[] NOT NULL DEFAULT '{}', -- in a vendor's name or a document's text
    PRIMARY KEY (workspace_id, name)
);

CREATE TABLE addresses (
    address      text PRIMARY KEY CHECK (address = lower(address)),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    label        text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON addresses (workspace_id, created_at);

CREATE TABLE users (
    id         uuid PRIMARY KEY,
    email      text NOT NULL UNIQUE CHECK (email = lower(email)),
    name       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- How a user can prove who they are at an outside provider.
CREATE TABLE accounts (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    provider   text NOT NULL,
    subject    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider, subject)
);

CREATE TABLE memberships (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role         text NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'member')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX ON memberships (user_id);

CREATE TABLE sessions (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_hash   bytea NOT NULL UNIQUE, -- SHA-256
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);

-- One-time secrets: sign-in links.
CREATE TABLE verifications (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_hash   bytea NOT NULL UNIQUE, -- SHA-256
    purpose      text NOT NULL,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);

CREATE TABLE api_tokens (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    token_hash   bytea NOT NULL UNIQUE, -- SHA-256
    name         text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    revoked_at   timestamptz
);
CREATE INDEX ON api_tokens (workspace_id);

CREATE TABLE mails (
    id              uuid PRIMARY KEY,
    workspace_id    uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    recipient       text NOT NULL,
    envelope_from   text NOT NULL, -- empty: the null reverse path
    remote_addr     text NOT NULL,
    helo            text NOT NULL,
    tls             boolean NOT NULL,
    raw_key         text NOT NULL,
    size            bigint NOT NULL,
    sha256          text NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- what unpacking found
    status          text NOT NULL DEFAULT 'ACCEPTED' CHECK (status IN ('ACCEPTED', 'UNPACKED', 'FAILED')),
    disposition     text NOT NULL DEFAULT '',
    reason          text NOT NULL DEFAULT '',
    message_id      text NOT NULL DEFAULT '',
    subject         text NOT NULL DEFAULT '',
    author          text NOT NULL DEFAULT '',
    parts           jsonb NOT NULL DEFAULT '[]',
    -- who works on it
    attempt         int NOT NULL DEFAULT 0,
    epoch           bigint NOT NULL DEFAULT 0,
    lease_node      text NOT NULL DEFAULT '',
    lease_until     timestamptz NOT NULL DEFAULT '-infinity',
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seq             bigint NOT NULL,
    UNIQUE (workspace_id, id)
);
CREATE INDEX mails_due ON mails (next_attempt_at) WHERE status = 'ACCEPTED';
CREATE INDEX mails_by_seq ON mails (workspace_id, seq);

CREATE TABLE documents (
    id               uuid PRIMARY KEY,
    workspace_id     uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    mail_id          uuid,
    message_id       text NOT NULL DEFAULT '', -- of the mail; with part and hash it recognises a redelivery
    part             int NOT NULL DEFAULT 0,
    sender           text NOT NULL,
    file_name        text NOT NULL,
    media_type       text NOT NULL,
    size             bigint NOT NULL,
    sha256           text NOT NULL,
    original_key     text NOT NULL,
    standardized_key text NOT NULL DEFAULT '',
    standard_size    bigint NOT NULL DEFAULT 0,
    pages            int NOT NULL DEFAULT 0,
    thumbnail_key    text NOT NULL DEFAULT '',
    page_model_key   text NOT NULL DEFAULT '',
    -- what was read; fields holds the evidence for the columns beside it
    vendor_name      text,
    total_amount     numeric,
    invoice_date     date,
    invoice_number   text,
    currency         text CHECK (currency ~ '^[A-Z]{3}$'),
    category         text,
    fields           jsonb NOT NULL DEFAULT '{}',
    source           text NOT NULL DEFAULT '',
    review           jsonb NOT NULL DEFAULT '[]',
    -- where it is
    status           text NOT NULL DEFAULT 'QUEUED' CHECK (status IN ('QUEUED', 'PROCESSING', 'RETRYING', 'COMPLETED', 'FAILED')),
    stage            text NOT NULL, -- an open set: no constraint
    attempt          int NOT NULL DEFAULT 0,
    error            jsonb,
    epoch            bigint NOT NULL DEFAULT 0,
    lease_node       text NOT NULL DEFAULT '',
    lease_until      timestamptz NOT NULL DEFAULT '-infinity',
    queued_at        timestamptz NOT NULL DEFAULT clock_timestamp(), -- when the present stage became due
    next_attempt_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at     timestamptz,
    discarded_at     timestamptz,
    seq              bigint NOT NULL,
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, mail_id) REFERENCES mails (workspace_id, id)
);
CREATE UNIQUE INDEX documents_once ON documents (workspace_id, message_id, sha256, part) WHERE message_id <> '';
CREATE INDEX documents_due ON documents (next_attempt_at) WHERE status IN ('QUEUED', 'PROCESSING', 'RETRYING');
CREATE INDEX documents_newest ON documents (workspace_id, created_at DESC, id DESC) WHERE discarded_at IS NULL;
CREATE INDEX documents_by_seq ON documents (workspace_id, seq);
CREATE INDEX documents_by_mail ON documents (workspace_id, mail_id);

CREATE TABLE attempts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    document_id  uuid,
    mail_id      uuid,
    stage        text NOT NULL,
    number       int NOT NULL,
    epoch        bigint NOT NULL,
    node         text NOT NULL,
    queued_at    timestamptz NOT NULL,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    outcome      text NOT NULL DEFAULT '',
    note         text NOT NULL DEFAULT '',
    error_kind   text NOT NULL DEFAULT '',
    error        text NOT NULL DEFAULT '',
    next_run_at  timestamptz,
    CHECK (num_nonnulls(document_id, mail_id) = 1),
    FOREIGN KEY (workspace_id, document_id) REFERENCES documents (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, mail_id) REFERENCES mails (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX ON attempts (workspace_id, document_id);
CREATE INDEX ON attempts (workspace_id, mail_id) WHERE mail_id IS NOT NULL;

CREATE TABLE events (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    seq          bigint NOT NULL, -- assigned under the workspace's row lock: without gaps, visible in order
    kind         text NOT NULL,
    document_id  uuid,
    mail_id      uuid,
    actor        text NOT NULL DEFAULT '',
    text         text NOT NULL DEFAULT '',
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (workspace_id, seq)
);
CREATE INDEX ON events (workspace_id, document_id, seq DESC);

-- A row is reserved and committed before the destination is touched: a repeat uses the same reference.
CREATE TABLE deliveries (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    document_id  uuid NOT NULL,
    destination  text NOT NULL,
    reference    text NOT NULL,
    link         text NOT NULL DEFAULT '',
    reserved_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamptz,
    PRIMARY KEY (workspace_id, document_id, destination),
    UNIQUE (workspace_id, destination, reference),
    FOREIGN KEY (workspace_id, document_id) REFERENCES documents (workspace_id, id) ON DELETE CASCADE
);

-- Outside services of a workspace.
CREATE TABLE connections (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    kind         text NOT NULL,
    name         text NOT NULL DEFAULT '',
    state        text NOT NULL DEFAULT 'active',
    settings     jsonb NOT NULL DEFAULT '{}',
    secret       bytea, -- encrypted
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, kind, name)
);

-- What people and tokens did.
CREATE TABLE audit (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    actor        text NOT NULL,
    action       text NOT NULL,
    subject      text NOT NULL DEFAULT '',
    at           timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON audit (workspace_id, at DESC);

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
DROP TABLE audit, connections, deliveries, events, attempts, documents, mails, api_tokens, verifications,
    sessions, memberships, accounts, users, addresses, categories, workspaces;
DROP FUNCTION current_workspace();
RESET ROLE;
