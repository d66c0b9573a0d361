-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- +goose StatementBegin
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT c.relname FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
                  AND c.relowner = 'docuflow_owner'::regrole LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['categories', 'addresses', 'memberships', 'sessions', 'api_tokens', 'mails', 'documents',
                                'attempts', 'events', 'deliveries', 'connections', 'audit'] LOOP
        EXECUTE format('CREATE POLICY workspace ON %I TO docuflow_app
                        USING (workspace_id = current_workspace()) WITH CHECK (workspace_id = current_workspace())', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO docuflow_app', name);
    END LOOP;
END
$$;
-- +goose StatementEnd

CREATE POLICY workspace ON workspaces TO docuflow_app USING (id = current_workspace()) WITH CHECK (id = current_workspace());
GRANT SELECT, UPDATE ON workspaces TO docuflow_app;

-- A person is visible in the workspaces they belong to.
CREATE POLICY workspace ON users FOR SELECT TO docuflow_app USING (
    EXISTS (SELECT FROM memberships m WHERE m.user_id = users.id AND m.workspace_id = current_workspace()));
CREATE POLICY workspace ON accounts FOR SELECT TO docuflow_app USING (
    EXISTS (SELECT FROM memberships m WHERE m.user_id = accounts.user_id AND m.workspace_id = current_workspace()));
GRANT SELECT ON users, accounts TO docuflow_app;

-- Sign-in: before it, no workspace is known.
CREATE POLICY sign_in ON users TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY sign_in ON accounts TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY sign_in ON memberships TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY sign_in ON sessions TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY sign_in ON verifications TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY sign_in ON workspaces TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY sign_in ON addresses TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY sign_in ON api_tokens FOR SELECT TO docuflow_service USING (true);
GRANT SELECT, INSERT ON users, accounts, memberships, workspaces, addresses TO docuflow_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, verifications TO docuflow_service;
GRANT SELECT ON api_tokens TO docuflow_service;

-- The recovery scan: which workspaces have work that is due, and giving back the leases of a node that stopped.
CREATE POLICY recovery ON documents TO docuflow_service USING (true) WITH CHECK (true);
CREATE POLICY recovery ON mails TO docuflow_service USING (true) WITH CHECK (true);
GRANT SELECT (workspace_id, status, next_attempt_at, lease_until, lease_node, discarded_at), UPDATE (lease_until) ON documents TO docuflow_service;
GRANT SELECT (workspace_id, status, next_attempt_at, lease_until, lease_node), UPDATE (lease_until) ON mails TO docuflow_service;

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
-- +goose StatementBegin
DO $$
DECLARE policy record;
BEGIN
    FOR policy IN SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public' LOOP
        EXECUTE format('DROP POLICY %I ON %I', policy.policyname, policy.tablename);
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', policy.tablename);
        EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', policy.tablename);
        EXECUTE format('REVOKE ALL ON %I FROM docuflow_app, docuflow_service', policy.tablename);
    END LOOP;
END
$$;
-- +goose StatementEnd
RESET ROLE;
