-- Version 4: what selection reads of every run that is done, kept ready: tables of tens of thousands of runs in less than
-- a second. Derived: the rows of the views run_candidate_source and left_out_source, written when a run ends and made
-- anew with the views (derive.sql).

-- The checkpoint that a selection rule takes from a run by that run alone (view candidate says by what).
CREATE TABLE run_candidate (
    run_id          INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    variant         TEXT NOT NULL,
    rule            TEXT NOT NULL,
    checkpoint_id   INTEGER NOT NULL,  -- of the same run
    step            INTEGER NOT NULL,
    value           REAL,              -- by which the rule compares runs
    source_accuracy REAL,
    n_steps         INTEGER NOT NULL,  -- checkpoints it was taken from
    PRIMARY KEY (run_id, variant, rule)
) STRICT, WITHOUT ROWID;

-- In-split accuracy on each of the two held-out domains of a run that holds out two: leave-one-domain-out averages it.
CREATE TABLE left_out (
    run_id    INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    domain_id INTEGER NOT NULL REFERENCES domain,
    variant   TEXT NOT NULL,
    step      INTEGER NOT NULL,
    accuracy  REAL NOT NULL,
    PRIMARY KEY (run_id, domain_id, variant, step)
) STRICT, WITHOUT ROWID;

-- What inference needs of the values that a run trained: all, but of generated adapters their factors instead of the
-- generators. NULL: stored before there were adapters.
ALTER TABLE run ADD COLUMN n_inference INTEGER;

-- Studies of reparameterised learning (dgbench factorize, dgbench rotated-study): a cell of a grid of parameterisations,
-- optimisers, learning rates and seeds.
CREATE TABLE study_cell (
    id               INTEGER PRIMARY KEY,
    study            TEXT NOT NULL,     -- 'factorize', 'rotated'
    problem          TEXT NOT NULL,     -- all that the cells of a grid share, in words
    parameterisation TEXT NOT NULL,     -- 'mf', 'op-mf'; 'lora', 'op-lora'
    input_std        REAL NOT NULL,     -- of the generator's learned input at the start; 0: there is no generator
    optimizer        TEXT NOT NULL,     -- 'sgd', 'momentum', 'adam'
    lr               REAL NOT NULL,     -- the highest one of the schedule
    seed             INTEGER NOT NULL,
    n_parameters     INTEGER NOT NULL,  -- learned
    floor            REAL,              -- the least loss that there can be; NULL: not known
    floor_rank       REAL,              -- effective rank there
    first_loss       REAL,              -- before the first update
    loss             REAL,              -- after the last one; NULL: it diverged
    best_loss        REAL,              -- least of those that were measured
    diverged_at      INTEGER,           -- updates after which the loss was no number, or a million times the first; NULL: never
    curvature        REAL,              -- at the end: largest eigenvalue of the Hessian in the factors; NULL: not measured
    sharp_gradient   REAL,              -- |v^T g| along its eigenvector v
    learned_curvature      REAL,        -- the same in the space of what is learned: of a generator's parameters, where there is one
    learned_sharp_gradient REAL,
    seconds          REAL NOT NULL,
    environment_id   INTEGER NOT NULL REFERENCES environment,
    made             TEXT NOT NULL,
    UNIQUE (study, problem, parameterisation, input_std, optimizer, lr, seed)
) STRICT;

-- What was seen on the way.
CREATE TABLE study_step (
    cell_id         INTEGER NOT NULL REFERENCES study_cell ON DELETE CASCADE,
    step            INTEGER NOT NULL,  -- updates made before
    loss            REAL NOT NULL,
    effective_rank  REAL,              -- of what the factors make; NULL: not measured
    gradient_norm   REAL,              -- of the factors, whoever makes them
    gradient_cosine REAL,              -- with that of the row before; NULL in the first one
    PRIMARY KEY (cell_id, step)
) STRICT, WITHOUT ROWID;
