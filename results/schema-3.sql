-- Version 3: what image-text models say of an image beyond its score.

ALTER TABLE alignment ADD COLUMN rank INTEGER;          -- of the true class among all classes by cosine; 1: the nearest
ALTER TABLE alignment ADD COLUMN zero_shot_score REAL;  -- cosine of the image and the prompt of zero_shot_class_id
ALTER TABLE alignment ADD COLUMN nearest TEXT;          -- path of the pretraining image that similarity is to

-- What a person said of images that looked wrongly labelled (dgbench audit --apply). Tables leave the excluded ones out
-- when they are asked to; nothing that was measured changes.
CREATE TABLE exclusion (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,              -- the file it was read from
    stored TEXT NOT NULL
) STRICT;

CREATE TABLE exclusion_image (
    exclusion_id INTEGER NOT NULL REFERENCES exclusion ON DELETE CASCADE,
    image_id     INTEGER NOT NULL REFERENCES image,
    verdict      TEXT NOT NULL CHECK (verdict IN ('exclude', 'keep')),
    reason       TEXT,
    PRIMARY KEY (exclusion_id, image_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX exclusion_image_image ON exclusion_image (image_id);

-- Accuracy on a held-out domain as its scores and the other domains' outcomes say it (dgbench forecast), beside what was
-- measured. Derived: it may be deleted and made again.
CREATE TABLE forecast (
    id                 INTEGER PRIMARY KEY,
    experiment         TEXT NOT NULL,
    dataset_id         INTEGER NOT NULL REFERENCES dataset,
    split_rule         TEXT NOT NULL,
    method             TEXT NOT NULL,
    variant            TEXT NOT NULL,
    rule               TEXT NOT NULL,  -- selection rule of all runs behind it
    scored             TEXT NOT NULL CHECK (scored IN ('in', 'out', 'whole')),
    scorer_id          INTEGER NOT NULL REFERENCES scorer ON DELETE CASCADE,
    domain_id          INTEGER NOT NULL REFERENCES domain, -- the target
    calibration        TEXT NOT NULL CHECK (calibration IN ('unseen', 'seen')), -- target among those runs' sources: seen
    feature            TEXT NOT NULL CHECK (feature IN ('score', 'margin')), -- what the calibration is a function of
    exclusion          TEXT NOT NULL,  -- name of the list left out, or ""
    n_sources          INTEGER NOT NULL, -- domains that it was calibrated on
    n_outcomes         INTEGER NOT NULL, -- their images' outcomes
    n_images           INTEGER NOT NULL, -- of the target
    predicted          REAL NOT NULL,
    low                REAL,           -- 95 % prediction interval, from the errors of the sources' own forecasts
    high               REAL,
    fit_low            REAL,           -- 95 % bootstrap interval of the forecast itself: domains, then images
    fit_high           REAL,
    actual             REAL,           -- of the runs that hold the target out; NULL: none yet
    error              REAL,           -- predicted - actual
    n_trials           INTEGER NOT NULL,
    source_accuracy    REAL NOT NULL,  -- baseline: mean of the sources' held-out accuracies
    zero_shot_accuracy REAL,           -- baseline: the scorer's own, on the target
    made               TEXT NOT NULL,
    UNIQUE (experiment, dataset_id, split_rule, method, variant, rule, scored, scorer_id, domain_id, calibration, feature,
            exclusion)
) STRICT;
