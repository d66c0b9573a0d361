-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- An address that was replaced works until then. Its row stays, so that nobody gets it again.
ALTER TABLE addresses ADD COLUMN retires_at timestamptz;

-- What stood after the "+" of the address that a mail was sent to: a hint for the category of its documents.
ALTER TABLE mails ADD COLUMN tag text NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN category_hint text NOT NULL DEFAULT '';

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
ALTER TABLE documents DROP COLUMN category_hint;
ALTER TABLE mails DROP COLUMN tag;
ALTER TABLE addresses DROP COLUMN retires_at;
RESET ROLE;
