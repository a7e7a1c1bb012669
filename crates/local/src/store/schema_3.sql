-- A checksum of each row: the first 8 bytes of a SHA-256 over its columns, without the sign.
ALTER TABLE analysis ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE function_result ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE role_result ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE finding ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger_role ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger_account ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trail_object ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evidence_issue ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE snapshot_document ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;

-- What each table holds, kept by triggers: a row that is lost is as bad as one that is damaged.
CREATE TABLE table_total (
    name     TEXT PRIMARY KEY,
    rows     INTEGER NOT NULL,
    checksum INTEGER NOT NULL          -- of all rows, joined by exclusive or
) WITHOUT ROWID;
