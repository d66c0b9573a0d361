-- +goose Up
-- Roles belong to the whole PostgreSQL cluster and may exist already.
--   docuflow_owner    owns the tables, cannot log in
--   docuflow_app      reads and writes rows of one workspace: the one in app.workspace_id
--   docuflow_service  sees across workspaces, but only the columns that sign-in, intake
--                     by address and the recovery scan need
-- The server's login is a member of the last two, inherits nothing, and chooses one of them in every transaction.
-- +goose StatementBegin
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['docuflow_owner', 'docuflow_app', 'docuflow_service'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', name);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
    EXECUTE format('GRANT docuflow_owner TO %I', current_user);
    EXECUTE format('GRANT CREATE ON DATABASE %I TO docuflow_owner', current_database());
END
$$;
-- +goose StatementEnd
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO docuflow_owner;
GRANT USAGE ON SCHEMA public TO docuflow_app, docuflow_service;

-- +goose Down
REVOKE ALL ON SCHEMA public FROM docuflow_app, docuflow_service, docuflow_owner;
-- The roles stay: other databases of the cluster may use them.
