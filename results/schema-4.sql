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
