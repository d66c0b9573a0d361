-- +goose Up
SET LOCAL ROLE docuflow_owner;

-- The reasons for a review that a person settled, so that an approval can be
-- taken back. NULL: nobody has approved the document.
ALTER TABLE documents ADD COLUMN settled_review jsonb;

RESET ROLE;

-- +goose Down
SET LOCAL ROLE docuflow_owner;
ALTER TABLE documents DROP COLUMN settled_review;
RESET ROLE;
