-- The index: what `ls`, `best`, `which` and completion search. Made from the store, never the truth; docs/index-schema.md.
-- Values are native SQLite values: numbers sort as numbers; NaN, which SQLite has none of, is NULL in a row that is there.

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    name TEXT,
    status TEXT NOT NULL,
    project TEXT,
    group_name TEXT,
    note TEXT,
    author TEXT NOT NULL,
    host TEXT NOT NULL,
    command TEXT NOT NULL,
    cwd TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    started REAL,
    ended REAL,
    seconds REAL,
    exit_code INTEGER,
    signal TEXT,
    pinned INTEGER NOT NULL,
    parent TEXT,
    code_commit TEXT,
    code_branch TEXT,
    code_remote TEXT,
    code_dirty INTEGER,
    code_tree TEXT,
    code_files INTEGER NOT NULL,
    python TEXT,
    executable TEXT,
    os TEXT,
    cpu TEXT,
    cores INTEGER,
    memory INTEGER,
    gpus TEXT,
    gpu_count INTEGER NOT NULL,
    cuda TEXT,
    cpu_seconds REAL,
    max_rss INTEGER,
    max_gpu_memory INTEGER,
    gpu_utilisation REAL,
    energy_joules REAL,
    missing TEXT,
    warnings INTEGER NOT NULL,
    version TEXT NOT NULL,
    stopped_by TEXT,
    attempts INTEGER NOT NULL,
    job TEXT,
    policy_bypassed TEXT
);
CREATE INDEX runs_by_start ON runs (started, id);
CREATE INDEX runs_by_name ON runs (name);
CREATE INDEX runs_by_job ON runs (job);

CREATE TABLE tags (
    run TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
CREATE INDEX tags_by_value ON tags (key, value);

CREATE TABLE params (
    run TEXT NOT NULL,
    key TEXT NOT NULL,
    value,
    type TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
CREATE INDEX params_by_value ON params (key, value);

CREATE TABLE metrics (
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    first REAL,
    last REAL,
    min REAL,
    max REAL,
    count INTEGER NOT NULL,
    best REAL,
    best_step REAL,
    last_step REAL,
    goal TEXT,
    source TEXT,
    PRIMARY KEY (run, name)
) WITHOUT ROWID;
CREATE INDEX metrics_by_last ON metrics (name, last);

CREATE TABLE inputs (
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    digest TEXT,
    size INTEGER NOT NULL,
    files INTEGER NOT NULL
);
CREATE INDEX inputs_by_run ON inputs (run);
CREATE INDEX inputs_by_digest ON inputs (digest);

CREATE TABLE artifacts (
    run TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    files INTEGER NOT NULL,
    is_tree INTEGER NOT NULL
);
CREATE INDEX artifacts_by_run ON artifacts (run);

CREATE TABLE kept (
    run TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    is_tree INTEGER NOT NULL
);
CREATE INDEX kept_by_run ON kept (run);
CREATE INDEX kept_by_digest ON kept (digest);

-- A folder's files stand here once, however many runs kept them.
CREATE TABLE listings (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    as_read TEXT
);
CREATE INDEX listings_as_read ON listings (as_read) WHERE as_read IS NOT NULL;
CREATE TABLE listed (
    listing INTEGER NOT NULL,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL
);
CREATE INDEX listed_by_digest ON listed (digest);

CREATE VIEW files AS
    SELECT run, kind, path, digest, size FROM kept
    UNION ALL
    SELECT k.run, k.kind, k.path, t.as_read, k.size
    FROM listings t JOIN kept k ON k.digest = t.digest AND k.is_tree
    WHERE t.as_read IS NOT NULL
    UNION ALL
    SELECT k.run, k.kind, k.path || '/' || l.path, l.digest, l.size
    FROM listed l JOIN listings t ON t.id = l.listing JOIN kept k ON k.digest = t.digest AND k.is_tree;

CREATE TABLE events (
    id TEXT PRIMARY KEY,
    run TEXT NOT NULL,
    action TEXT NOT NULL,
    at TEXT NOT NULL,
    author TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX events_by_run ON events (run);

CREATE TABLE promotions (
    model TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    run TEXT,
    previous TEXT,
    at TEXT NOT NULL,
    author TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (model, sequence)
) WITHOUT ROWID;
CREATE INDEX promotions_by_run ON promotions (run);

CREATE VIEW current_models AS
    SELECT p.model, p.run, p.sequence, p.at
    FROM promotions p
    WHERE p.run IS NOT NULL
      AND p.sequence = (SELECT max(q.sequence) FROM promotions q WHERE q.model = p.model);

-- How far the index has read the store, and what it could not read.
CREATE TABLE folders (
    path TEXT PRIMARY KEY,
    mtime_ns INTEGER NOT NULL,
    is_settled INTEGER NOT NULL
);
CREATE TABLE problems (
    path TEXT PRIMARY KEY,
    message TEXT NOT NULL
);
