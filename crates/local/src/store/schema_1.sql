-- One row for each account that was analysed.
CREATE TABLE analysis (
    account        TEXT PRIMARY KEY,   -- 12 digits
    schema_version INTEGER NOT NULL,   -- of the JSON in this and the following tables
    window_start   TEXT NOT NULL,      -- RFC 3339; empty if there was no evidence
    window_end     TEXT NOT NULL,      -- RFC 3339; first instant no longer covered
    window_days    INTEGER NOT NULL,
    coverage       TEXT NOT NULL,      -- JSON list: what each trail could see
    issues         TEXT NOT NULL       -- JSON list: what could not be read or seen
) WITHOUT ROWID;

-- The narrowed policy of each function under each of its roles.
CREATE TABLE function_result (
    account         TEXT NOT NULL REFERENCES analysis (account) ON DELETE CASCADE,
    function_arn    TEXT NOT NULL,     -- unqualified
    role_arn        TEXT NOT NULL,
    function_name   TEXT NOT NULL,
    removed_actions INTEGER,           -- granted actions that the suggestion no longer allows; null: no suggestion
    kept_unproven   INTEGER,           -- granted actions kept although nothing proves that they are needed
    confidence      REAL,              -- 0 to 1
    result          TEXT NOT NULL,     -- JSON as in `analyze --format json`, `.functions[]`
    PRIMARY KEY (account, function_arn, role_arn)
);
CREATE INDEX function_result_name ON function_result (function_name);

-- The narrowed policy of each role, for all who use it together.
CREATE TABLE role_result (
    account         TEXT NOT NULL REFERENCES analysis (account) ON DELETE CASCADE,
    role_arn        TEXT NOT NULL,
    role_name       TEXT NOT NULL,
    removed_actions INTEGER,
    kept_unproven   INTEGER,
    confidence      REAL,
    result          TEXT NOT NULL,     -- JSON as in `analyze --format json`, `.roles[]`
    PRIMARY KEY (account, role_arn)
);
CREATE INDEX role_result_name ON role_result (role_name COLLATE NOCASE);

-- What wants action.
CREATE TABLE finding (
    account      TEXT NOT NULL REFERENCES analysis (account) ON DELETE CASCADE,
    fingerprint  TEXT NOT NULL,        -- stable name of the finding
    position     INTEGER NOT NULL,     -- order in the report, worst first
    code         TEXT NOT NULL,
    severity     TEXT NOT NULL,        -- critical, high, medium, low or info
    function_arn TEXT,                 -- null: about the role as a whole
    role_arn     TEXT NOT NULL,
    title        TEXT NOT NULL,
    detail       TEXT NOT NULL,
    remedy       TEXT NOT NULL,
    finding      TEXT NOT NULL,        -- JSON as in `analyze --format json`, `.findings[]`
    PRIMARY KEY (account, fingerprint)
);

-- What each role was seen doing. Only grows: a row is joined with what is new, never replaced by less.
CREATE TABLE ledger_role (
    role_id  TEXT PRIMARY KEY,         -- unique id (AROA…), or the ARN where records had none
    role_arn TEXT,                     -- latest ARN seen
    account  TEXT,
    ledger   TEXT NOT NULL             -- JSON
);

-- Facts of the accounts in the trail: days with events, changes of trails, policies and code.
CREATE TABLE ledger_account (
    part   TEXT PRIMARY KEY,           -- `facts`
    ledger TEXT NOT NULL               -- JSON
);

-- Trail objects that are in the ledger already; one with another version is read again.
CREATE TABLE trail_object (
    source  TEXT NOT NULL,             -- folder or bucket
    key     TEXT NOT NULL,
    version TEXT NOT NULL,             -- size and modification time, or an ETag
    PRIMARY KEY (source, key)
) WITHOUT ROWID;

-- What could not be read in trail objects.
CREATE TABLE evidence_issue (
    source  TEXT NOT NULL,             -- of the object that `place` is the key of; else empty
    place   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    message TEXT NOT NULL,
    hint    TEXT NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (source, place, kind, message, hint)
) WITHOUT ROWID;

-- Functions by how much can be taken away:  SELECT * FROM removable;
CREATE VIEW removable AS
    SELECT function_name, removed_actions, kept_unproven, confidence, function_arn, role_arn
    FROM function_result
    WHERE removed_actions > 0
    ORDER BY removed_actions DESC, function_arn, role_arn;

-- Each action that a suggestion removes:  SELECT * FROM unused_action WHERE function_name = 'orders';
CREATE VIEW unused_action AS
    SELECT function_name, verdict.value ->> 'action' AS action, verdict.value ->> 'reason' AS reason, function_arn, role_arn
    FROM function_result, json_each(function_result.result, '$.verdicts') AS verdict
    WHERE verdict.value ->> 'verdict' = 'unused'
    ORDER BY function_arn, role_arn, action;

-- Narrowed policies:  SELECT document FROM suggested_policy WHERE function_name = 'orders';
CREATE VIEW suggested_policy AS
    SELECT function_name, policy.value ->> 'name' AS name, policy.value -> 'document' AS document, function_arn, role_arn
    FROM function_result, json_each(function_result.result, '$.suggestion.policies') AS policy
    ORDER BY function_arn, role_arn, name;
