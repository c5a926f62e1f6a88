-- Reading without the images of temp.excluded (image_id, domain_id, class_id): names without "main." then mean these
-- temporary views, which hide tables of the same name; the database's own views that read them are made again in front (exclusion.c).
-- Selection of runs and checkpoints stays as it was: its views are not made again. See exclusion.h.

CREATE UNIQUE INDEX temp.excluded_image ON excluded (image_id);
CREATE INDEX temp.excluded_domain ON excluded (domain_id);

-- Evaluations on held-out domains that have excluded images. What predictions are stored of is counted again, exactly: a
-- checkpoint keeps those of all images of a domain, or of none. n and correct are NULL where there are none.
CREATE TEMP TABLE corrected (
    checkpoint_id INTEGER NOT NULL,
    domain_id     INTEGER NOT NULL,
    split         TEXT NOT NULL,
    n             INTEGER,
    correct       INTEGER,
    PRIMARY KEY (checkpoint_id, domain_id, split)
) WITHOUT ROWID;

CREATE TEMP TABLE touched AS
SELECT checkpoint.id AS checkpoint_id, run_domain.domain_id,
       EXISTS (SELECT 1 FROM main.outcome CROSS JOIN main.image ON image.id = outcome.image_id
               WHERE outcome.checkpoint_id = checkpoint.id AND image.domain_id = run_domain.domain_id) AS has_outcomes
FROM main.run_domain
CROSS JOIN main.checkpoint ON checkpoint.run_id = run_domain.run_id
WHERE run_domain.role = 'held_out' AND run_domain.domain_id IN (SELECT domain_id FROM temp.excluded);

INSERT INTO temp.corrected
SELECT checkpoint_id, domain_id, eval.split, NULL, NULL
FROM temp.touched
CROSS JOIN main.eval USING (checkpoint_id, domain_id)
WHERE NOT has_outcomes;

INSERT INTO temp.corrected
SELECT gone.checkpoint_id, gone.domain_id, gone.split, eval.n - gone.n, eval.correct - gone.correct
FROM (
    SELECT touched.checkpoint_id, touched.domain_id, outcome.split, count(*) AS n,
           sum(outcome.predicted_class_id = excluded.class_id) AS correct
    FROM temp.touched
    CROSS JOIN temp.excluded USING (domain_id)
    CROSS JOIN main.outcome ON outcome.checkpoint_id = touched.checkpoint_id AND outcome.image_id = excluded.image_id
    WHERE has_outcomes
    GROUP BY touched.checkpoint_id, touched.domain_id, outcome.split
) AS gone
CROSS JOIN main.eval USING (checkpoint_id, domain_id, split);

-- Scalar subqueries, not a join: so SQLite still reaches eval by its key from inside other views. What is not counted from
-- predictions (nll and the like) is not known without those images.
CREATE TEMP VIEW eval AS
SELECT checkpoint_id, domain_id, split,
       CASE WHEN is_whole THEN n ELSE (
           SELECT c.n FROM temp.corrected AS c
           WHERE c.checkpoint_id = own.checkpoint_id AND c.domain_id = own.domain_id AND c.split = own.split) END AS n,
       CASE WHEN is_whole THEN correct ELSE (
           SELECT c.correct FROM temp.corrected AS c
           WHERE c.checkpoint_id = own.checkpoint_id AND c.domain_id = own.domain_id AND c.split = own.split) END AS correct,
       CASE WHEN is_whole THEN accuracy ELSE (
           SELECT 1.0 * c.correct / nullif(c.n, 0) FROM temp.corrected AS c
           WHERE c.checkpoint_id = own.checkpoint_id AND c.domain_id = own.domain_id AND c.split = own.split) END AS accuracy,
       CASE WHEN is_whole THEN nll END AS nll, CASE WHEN is_whole THEN ece END AS ece,
       CASE WHEN is_whole THEN macro_accuracy END AS macro_accuracy,
       CASE WHEN is_whole THEN worst_class_accuracy END AS worst_class_accuracy
FROM (
    SELECT *, NOT EXISTS (SELECT 1 FROM temp.corrected AS c
                          WHERE c.checkpoint_id = eval.checkpoint_id AND c.domain_id = eval.domain_id
                            AND c.split = eval.split) AS is_whole
    FROM main.eval
) AS own;

CREATE TEMP VIEW outcome AS
SELECT * FROM main.outcome WHERE image_id NOT IN (SELECT image_id FROM temp.excluded);

CREATE TEMP VIEW alignment AS
SELECT * FROM main.alignment WHERE image_id NOT IN (SELECT image_id FROM temp.excluded);

-- Forecasts made without these images, as if they were all there are.
CREATE TEMP VIEW forecast AS
SELECT id, experiment, dataset_id, split_rule, method, variant, rule, scored, scorer_id, domain_id,
       calibration, feature,
       '' AS exclusion, n_sources, n_outcomes, n_images, predicted, low, high, fit_low, fit_high, actual, error, n_trials, source_accuracy,
       zero_shot_accuracy, made
FROM main.forecast
WHERE exclusion = (SELECT name FROM temp.excluding);
