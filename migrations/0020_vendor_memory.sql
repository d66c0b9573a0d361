-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- What a workspace has learned about its vendors from documents that its people confirmed or corrected.
CREATE TABLE vendors (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    name         text NOT NULL, -- as people want it written
    name_key     text NOT NULL, -- as it is compared
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (workspace_id, id),
    UNIQUE (workspace_id, name_key)
);

-- One document's lesson. It outlives the document, which retention may remove.
CREATE TABLE vendor_lessons (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    document_id  uuid NOT NULL,
    vendor_id    uuid NOT NULL,
    lesson       jsonb NOT NULL,
    unchanged    boolean NOT NULL, -- what was read was right
    learned_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (workspace_id, document_id),
    FOREIGN KEY (workspace_id, vendor_id) REFERENCES vendors (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX ON vendor_lessons (workspace_id, vendor_id, learned_at DESC);

-- By what the vendor's next document is recognised.
CREATE TABLE vendor_keys (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    document_id  uuid NOT NULL,
    vendor_id    uuid NOT NULL,
    kind         text NOT NULL,
    value        text NOT NULL,
    PRIMARY KEY (workspace_id, kind, value, document_id),
    FOREIGN KEY (workspace_id, document_id) REFERENCES vendor_lessons (workspace_id, document_id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, vendor_id) REFERENCES vendors (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX ON vendor_keys (workspace_id, document_id);
CREATE INDEX ON vendor_keys (workspace_id, vendor_id);

-- Which memory a document was read with.
CREATE TABLE vendor_recalls (
    workspace_id uuid NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    document_id  uuid NOT NULL,
    vendor_id    uuid NOT NULL,
    PRIMARY KEY (workspace_id, document_id),
    FOREIGN KEY (workspace_id, document_id) REFERENCES documents (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, vendor_id) REFERENCES vendors (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX ON vendor_recalls (workspace_id, vendor_id);

-- +goose StatementBegin
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['vendors', 'vendor_lessons', 'vendor_keys', 'vendor_recalls'] LOOP
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
DROP TABLE vendor_recalls, vendor_keys, vendor_lessons, vendors;
RESET ROLE;
