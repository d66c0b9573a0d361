package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// CreateDatabase makes a database, unless it exists.
func CreateDatabase(ctx context.Context, adminURL, name string) error {
	conn, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return unreachable(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == duplicateDatabase {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

const duplicateDatabase = "42P04"

// MayProvision says whether a login can make the roles that Provision makes.
func MayProvision(ctx context.Context, url string) (may bool, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return false, unreachable(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user").Scan(&may)
	if err != nil {
		return false, fmt.Errorf("check the database login: %w", err)
	}
	return may, nil
}

// Provision migrates a database and makes the login that the server uses,
// with this password. It returns the login's URL. adminURL must be of a role
// that may create roles. It is for databases that belong to DocuFlow alone;
// elsewhere an operator makes the login (see docs/operations.md).
func Provision(ctx context.Context, adminURL, password string) (string, error) {
	if err := Migrate(ctx, adminURL); err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return "", unreachable(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Statements that make roles take no parameters: format quotes them on the server.
	const login = `
		SELECT format(CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'docuflow') THEN 'ALTER' ELSE 'CREATE' END
			|| ' ROLE docuflow LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS PASSWORD %L; GRANT docuflow_app, docuflow_service TO docuflow', $1::text)`
	var statement string
	if err := conn.QueryRow(ctx, login, password).Scan(&statement); err != nil {
		return "", fmt.Errorf("make the database login: %w", err)
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		return "", fmt.Errorf("make the database login: %w", err)
	}
	parsed, err := url.Parse(adminURL)
	if err != nil {
		return "", fmt.Errorf("read the database URL: %w", err)
	}
	parsed.User = url.UserPassword("docuflow", password)
	return parsed.String(), nil
}
