-- What the page is about, taken once from the views: `option` holds what the command was asked for. report.c then makes
-- scored_result and cell again in front of this table, from the database's own text of them, so that they read it.
CREATE TEMP TABLE reading AS
SELECT listed.experiment, coalesce(option.rule, selection, 'training-domain') AS rule, coalesce(scored, 'in') AS scored,
       coalesce(stderr, 'population') AS stderr_of, coalesce(protocol, '') AS protocol
FROM (SELECT DISTINCT experiment FROM main.run_experiment) AS listed
JOIN option
LEFT JOIN main.experiment ON experiment.name = listed.experiment
WHERE option.experiment IS NULL OR listed.experiment = option.experiment;

-- result may be a temporary view that leaves images out (exclusion.h): the table takes its place.
CREATE TEMP TABLE result_kept AS
SELECT result.*
FROM result
JOIN option
WHERE n_held_out = 1 AND reported
  AND (option.experiment IS NULL OR result.experiment = option.experiment)
  AND (option.dataset IS NULL OR result.dataset = option.dataset);
DROP VIEW IF EXISTS temp.result;
CREATE TEMP TABLE result AS SELECT * FROM result_kept;
DROP TABLE result_kept;

-- Every run the page is about, whatever became of it.
CREATE TEMP TABLE run_shown AS
SELECT run.id AS run_id, run.dataset_id, run.method, run.status, run.updated, run.threads, run.environment_id
FROM main.run
JOIN main.dataset ON dataset.id = run.dataset_id
JOIN option
WHERE (option.dataset IS NULL OR dataset.name = option.dataset)
  AND run.id IN (SELECT run_id FROM main.run_experiment JOIN reading USING (experiment));
CREATE INDEX temp.run_shown_id ON run_shown (run_id);
