-- title: The run
WITH facts AS (
    SELECT run.*, dataset.name AS dataset, dataset.fingerprint, environment.version, environment."commit",
           environment.compiler, environment.blas, environment.cpu, environment.cores,
           (SELECT group_concat(experiment, ', ') FROM run_experiment WHERE run_id = run.id) AS experiments
    FROM run
    JOIN dataset ON dataset.id = run.dataset_id
    JOIN environment ON environment.id = run.environment_id
    WHERE run.id = CAST(:run AS INTEGER)
)
SELECT what, CAST(value AS TEXT) AS value
FROM (
    SELECT 1 AS position, 'run' AS what, id AS value FROM facts
    UNION ALL SELECT 2, 'key', key FROM facts
    UNION ALL SELECT 3, 'experiments', experiments FROM facts
    UNION ALL SELECT 4, 'dataset', dataset FROM facts
    UNION ALL SELECT 5, 'fingerprint', fingerprint FROM facts
    UNION ALL SELECT 6, 'method', method FROM facts
    UNION ALL SELECT 7, 'weights', variant FROM facts
    UNION ALL SELECT 8, 'held_out', held_out FROM facts
    UNION ALL SELECT 9, 'split', split_rule FROM facts
    UNION ALL SELECT 10, 'trial', trial FROM facts
    UNION ALL SELECT 11, 'draw', hparams_seed FROM facts
    UNION ALL SELECT 12, 'seed', seed FROM facts
    UNION ALL SELECT 13, 'status', status FROM facts
    UNION ALL SELECT 14, 'why', message FROM facts
    UNION ALL SELECT 15, 'last_step', last_step || ' of ' || max(steps - 1, 0) FROM facts
    UNION ALL SELECT 16, 'started', started FROM facts
    UNION ALL SELECT 17, 'finished', finished FROM facts
    UNION ALL SELECT 18, 'train_seconds', round(train_seconds, 2) FROM facts
    UNION ALL SELECT 19, 'eval_seconds', round(eval_seconds, 2) FROM facts
    UNION ALL SELECT 20, 'threads', threads FROM facts
    UNION ALL SELECT 21, 'origin', origin FROM facts
    UNION ALL SELECT 22, 'protocol', nullif(protocol, '') FROM facts
    UNION ALL SELECT 23, 'version', version || ' (' || "commit" || ')' FROM facts
    UNION ALL SELECT 24, 'compiler', compiler FROM facts
    UNION ALL SELECT 25, 'blas', blas FROM facts
    UNION ALL SELECT 26, 'cpu', cpu || ', ' || cores || ' cores' FROM facts
)
WHERE value IS NOT NULL
ORDER BY position;
