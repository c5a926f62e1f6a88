-- The results database, version 1: tables. The views that read them are in views.sql, the words for both in README.md.
--
-- Rules: fractions are in [0,1]; times are UTC, "2026-01-31T12:00:00Z"; a number that is not finite is NULL; `position`
-- counts from 0 in the order in which the dataset was registered. This file stays as it is: a change is a new numbered
-- migration (store.c).

-- ---- what is looked at ------------------------------------------------------------------------------------------

CREATE TABLE dataset (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,  -- "name@fingerprint" (8 digits) when another content has the plain name already
    fingerprint TEXT NOT NULL UNIQUE,  -- names the content
    n_images    INTEGER NOT NULL
) STRICT;

CREATE TABLE domain (
    id         INTEGER PRIMARY KEY,
    dataset_id INTEGER NOT NULL REFERENCES dataset,
    position   INTEGER NOT NULL,
    name       TEXT NOT NULL,
    UNIQUE (dataset_id, position),
    UNIQUE (dataset_id, name)
) STRICT;

CREATE TABLE class (
    id         INTEGER PRIMARY KEY,
    dataset_id INTEGER NOT NULL REFERENCES dataset,
    position   INTEGER NOT NULL,
    name       TEXT NOT NULL,
    text       TEXT NOT NULL,          -- what a prompt calls it
    UNIQUE (dataset_id, position),
    UNIQUE (dataset_id, name)
) STRICT;

CREATE TABLE image (
    id         INTEGER PRIMARY KEY,
    dataset_id INTEGER NOT NULL REFERENCES dataset,
    position   INTEGER NOT NULL,
    domain_id  INTEGER NOT NULL REFERENCES domain,
    class_id   INTEGER NOT NULL REFERENCES class,
    path       TEXT NOT NULL,          -- relative to the dataset's root
    concept    TEXT,                   -- what is shown, the same id in every domain
    sha256     BLOB,                   -- of the file
    UNIQUE (dataset_id, position)
) STRICT;
CREATE INDEX image_domain ON image (domain_id, class_id);

-- ---- what was run -----------------------------------------------------------------------------------------------

CREATE TABLE environment (
    id        INTEGER PRIMARY KEY,
    version   TEXT NOT NULL,           -- of dgbench
    "commit"  TEXT NOT NULL,
    compiler  TEXT NOT NULL,
    blas      TEXT NOT NULL,           -- OpenBLAS core type and version
    cpu       TEXT NOT NULL,           -- model name
    cores     INTEGER NOT NULL,
    UNIQUE (version, "commit", compiler, blas, cpu, cores)
) STRICT;

CREATE TABLE run (
    id             INTEGER PRIMARY KEY,
    key            TEXT NOT NULL UNIQUE, -- hash of the resolved spec and the dataset's fingerprint
    dataset_id     INTEGER NOT NULL REFERENCES dataset,
    method         TEXT NOT NULL,        -- label of the table row
    held_out       TEXT NOT NULL,        -- names of the held-out domains, joined by "+", in the dataset's order
    n_held_out     INTEGER NOT NULL,
    split_rule     TEXT NOT NULL CHECK (split_rule IN ('image', 'concept')),
    trial          INTEGER NOT NULL,     -- seeds the split; tables average over trials
    hparams_seed   INTEGER NOT NULL,     -- 0: defaults; else a random draw
    seed           INTEGER NOT NULL,
    variant        TEXT NOT NULL,        -- the weights that this method reports
    status         TEXT NOT NULL CHECK (status IN ('running', 'done', 'failed', 'diverged', 'interrupted')),
    message        TEXT,                 -- why it failed
    steps          INTEGER NOT NULL,     -- planned
    last_step      INTEGER,              -- of the last checkpoint
    started        TEXT NOT NULL,
    updated        TEXT NOT NULL,        -- when something was last stored
    finished       TEXT,
    train_flops    REAL,
    train_seconds  REAL,
    eval_seconds   REAL,
    data_seconds   REAL,                 -- waiting for images
    peak_bytes     INTEGER,
    n_parameters   INTEGER,
    n_trainable    INTEGER,
    threads        INTEGER NOT NULL,
    environment_id INTEGER NOT NULL REFERENCES environment,
    protocol       TEXT NOT NULL,        -- name of the preset, or ""
    origin         TEXT NOT NULL DEFAULT 'dgbench', -- or where it was imported from
    spec           TEXT NOT NULL CHECK (json_valid(spec))
) STRICT;
-- Covers the grouping of runs, so that tables never read the (long) specs.
CREATE INDEX run_group ON run (dataset_id, method, held_out, trial, hparams_seed, split_rule, variant, status, n_held_out);

-- A run may be listed under several experiments: a sweep skips what another one has stored.
CREATE TABLE run_experiment (
    experiment TEXT NOT NULL,
    run_id     INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    PRIMARY KEY (experiment, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_experiment_run ON run_experiment (run_id);

CREATE TABLE run_domain (
    run_id    INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    domain_id INTEGER NOT NULL REFERENCES domain,
    role      TEXT NOT NULL CHECK (role IN ('source', 'held_out')),
    PRIMARY KEY (run_id, domain_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE hparam (
    run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    name   TEXT NOT NULL,
    value  ANY,                        -- INTEGER or REAL where it reads as a number, else TEXT
    PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE train_log (
    run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    step   INTEGER NOT NULL,
    name   TEXT NOT NULL,
    value  REAL,
    PRIMARY KEY (run_id, step, name)
) STRICT, WITHOUT ROWID;

-- ---- what came out ----------------------------------------------------------------------------------------------

-- One evaluated set of weights. The source_ columns are derived from eval (by the store, in the same transaction), so
-- that selecting among a million evaluations stays fast; they are NULL when a source domain has no out split.
CREATE TABLE checkpoint (
    id              INTEGER PRIMARY KEY,
    run_id          INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    step            INTEGER NOT NULL,
    variant         TEXT NOT NULL,     -- raw, sma, ema, swad, ...
    source_accuracy REAL,              -- unweighted mean over the source domains of their out split's accuracy
    source_nll      REAL,              -- and nll
    UNIQUE (run_id, variant, step)
) STRICT;
CREATE INDEX checkpoint_best ON checkpoint (run_id, variant, source_accuracy DESC, step); -- best first, ties: earliest

CREATE TABLE eval (
    checkpoint_id  INTEGER NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
    domain_id      INTEGER NOT NULL REFERENCES domain,
    split          TEXT NOT NULL CHECK (split IN ('in', 'out', 'uda')),
    n              INTEGER,            -- images; NULL where an import does not know it
    correct        INTEGER,
    accuracy       REAL NOT NULL CHECK (accuracy BETWEEN 0 AND 1),
    nll            REAL,               -- mean, in nats
    ece            REAL,
    macro_accuracy REAL,               -- mean over the classes that occur
    worst_class_accuracy REAL,
    PRIMARY KEY (checkpoint_id, domain_id, split)
) STRICT, WITHOUT ROWID;

-- One image, as one checkpoint sees it.
CREATE TABLE outcome (
    checkpoint_id      INTEGER NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
    image_id           INTEGER NOT NULL REFERENCES image,
    split              TEXT NOT NULL,  -- of the eval row it belongs to
    predicted_class_id INTEGER NOT NULL REFERENCES class,
    confidence         REAL,           -- probability of the predicted class
    PRIMARY KEY (checkpoint_id, image_id)
) STRICT, WITHOUT ROWID;

-- ---- image-text alignment ---------------------------------------------------------------------------------------

CREATE TABLE scorer (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE, -- "openclip-vit-b-16-laion400m"
    model         TEXT NOT NULL,        -- architecture
    weights       TEXT NOT NULL,        -- digest of the weights
    template      TEXT NOT NULL,        -- "A photo of {}."
    preprocessing TEXT NOT NULL,
    run_id        INTEGER REFERENCES run ON DELETE CASCADE -- fine-tuned weights of this run; NULL: pretrained
) STRICT;
CREATE INDEX scorer_run ON scorer (run_id);

CREATE TABLE class_prompt (
    scorer_id INTEGER NOT NULL REFERENCES scorer ON DELETE CASCADE,
    class_id  INTEGER NOT NULL REFERENCES class,
    prompt    TEXT NOT NULL,
    PRIMARY KEY (scorer_id, class_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE alignment (
    scorer_id          INTEGER NOT NULL REFERENCES scorer ON DELETE CASCADE,
    image_id           INTEGER NOT NULL REFERENCES image,
    score              REAL,            -- cosine of the image and the prompt of its true class
    zero_shot_class_id INTEGER REFERENCES class,
    similarity         REAL,            -- cosine to the nearest pretraining image
    PRIMARY KEY (scorer_id, image_id),
    CHECK (score IS NOT NULL OR similarity IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- score < low: mislabelled, dropped; low <= score < split: OOP; split <= score <= high: IP; score > high: dropped (the
-- label is written in the image). kind quantile: the three are quantiles of the dataset's scores by that scorer.
CREATE TABLE ip_oop_rule (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    scorer TEXT NOT NULL,               -- GLOB pattern of the scorer names it is meant for
    kind   TEXT NOT NULL CHECK (kind IN ('threshold', 'quantile')),
    low    REAL NOT NULL,
    split  REAL NOT NULL,
    high   REAL NOT NULL,
    source TEXT NOT NULL,
    CHECK (low <= split AND split <= high)
) STRICT;
INSERT INTO ip_oop_rule (name, scorer, kind, low, split, high, source) VALUES
    ('default', 'openclip-vit-b-16*', 'threshold', 0.15, 0.21, 0.40, 'arXiv 2412.02856'),
    ('median', '*', 'quantile', 0.0, 0.5, 1.0, 'for any other scorer: half and half, nothing dropped');
