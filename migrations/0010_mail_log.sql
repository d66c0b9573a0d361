-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- Who sent a mail, as we found out ourselves, and what people decided about it.
ALTER TABLE mails
    ADD COLUMN author_name  text NOT NULL DEFAULT '',
    ADD COLUMN verdict      jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN duplicate_of uuid,                        -- the mail that was delivered first
    ADD COLUMN approved_by  text NOT NULL DEFAULT '',    -- the person who let it out of quarantine
    ADD COLUMN wanted       int[] NOT NULL DEFAULT '{}', -- parts to import although they were skipped
    ADD COLUMN notice       jsonb,                       -- a confirmation for people, not filed
    ADD COLUMN automatic    boolean NOT NULL DEFAULT false, -- a program wrote it, by its own account
    -- Each mail is counted under one outcome, so that their counts add up.
    ADD COLUMN outcome      text NOT NULL GENERATED ALWAYS AS (CASE
        WHEN status = 'ACCEPTED' THEN 'working'
        WHEN status = 'FAILED' THEN 'failed'
        WHEN disposition = 'documents' THEN 'accepted'
        WHEN disposition = 'duplicate' THEN 'duplicate'
        WHEN disposition = 'quarantined' THEN 'quarantined'
        WHEN disposition IN ('blocked', 'deleted') THEN 'rejected'
        WHEN disposition = 'notice' THEN 'notice'
        ELSE 'nothing' END) STORED,
    ADD FOREIGN KEY (workspace_id, duplicate_of) REFERENCES mails (workspace_id, id);
CREATE INDEX mails_newest ON mails (workspace_id, received_at DESC, id DESC);
CREATE INDEX mails_by_outcome ON mails (workspace_id, outcome, received_at DESC, id DESC);
CREATE INDEX mails_by_message ON mails (workspace_id, message_id) WHERE message_id <> '';

-- The first document of the same file, when another mail or upload brought it again.
ALTER TABLE documents
    ADD COLUMN duplicate_of uuid,
    ADD FOREIGN KEY (workspace_id, duplicate_of) REFERENCES documents (workspace_id, id);
CREATE INDEX documents_by_content ON documents (workspace_id, sha256);

-- What a workspace wants done with its mail. Without a row it is the defaults.
CREATE TABLE mail_policies (
    workspace_id    uuid PRIMARY KEY REFERENCES workspaces ON DELETE CASCADE,
    duplicates      text NOT NULL DEFAULT 'flag' CHECK (duplicates IN ('flag', 'skip')),
    unknown_senders text NOT NULL DEFAULT 'accept' CHECK (unknown_senders IN ('accept', 'quarantine'))
);

-- What is done with the mail of one sender or of all senders of a domain.
CREATE TABLE sender_rules (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    sender       text NOT NULL CHECK (sender = lower(sender)), -- an address, or a domain
    verb         text NOT NULL CHECK (verb IN ('allow', 'block', 'quarantine')),
    made_by      text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (workspace_id, sender)
);

-- +goose StatementBegin
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['mail_policies', 'sender_rules'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY workspace ON %I TO docuflow_app
                        USING (workspace_id = current_workspace()) WITH CHECK (workspace_id = current_workspace())', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO docuflow_app', name);
    END LOOP;
END
$$;
-- +goose StatementEnd

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
DROP TABLE sender_rules, mail_policies;
DROP INDEX documents_by_content, mails_newest, mails_by_outcome, mails_by_message;
ALTER TABLE documents DROP COLUMN duplicate_of;
ALTER TABLE mails DROP COLUMN outcome, DROP COLUMN author_name, DROP COLUMN verdict, DROP COLUMN duplicate_of, DROP COLUMN approved_by,
    DROP COLUMN wanted, DROP COLUMN notice, DROP COLUMN automatic;
RESET ROLE;
