-- The snapshot that each account was last analysed from: what roles and functions were, for questions about a change.
CREATE TABLE snapshot_document (
    account  TEXT NOT NULL REFERENCES analysis (account) ON DELETE CASCADE,
    name     TEXT NOT NULL,            -- as in a snapshot folder; one that ends in / is a folder
    document TEXT,                     -- null: it was there and could not be read
    PRIMARY KEY (account, name)
);
