-- Version 2: how an experiment's runs are read. A protocol (harness/config) says it, or the experiment file; tables take
-- these values unless told otherwise.

CREATE TABLE experiment (
    name      TEXT PRIMARY KEY,
    protocol  TEXT NOT NULL DEFAULT '',      -- name of the preset, or ""
    selection TEXT NOT NULL DEFAULT 'training-domain'
              CHECK (selection IN ('training-domain', 'leave-one-domain-out', 'oracle', 'last')),
    scored    TEXT NOT NULL DEFAULT 'in' CHECK (scored IN ('in', 'out', 'whole')), -- of the held-out domain
    stderr    TEXT NOT NULL DEFAULT 'population' CHECK (stderr IN ('population', 'sample')) -- deviation it is made from
) STRICT, WITHOUT ROWID;

-- Weights trained on all source images (method.full_data) have no validation of their own: their source_ columns are those
-- of the checkpoint of the run's first stage that they repeat, variant "stage1-" and theirs, at this step. Else NULL.
ALTER TABLE checkpoint ADD COLUMN validated_step INTEGER;

INSERT INTO experiment (name) SELECT DISTINCT experiment FROM run_experiment;
