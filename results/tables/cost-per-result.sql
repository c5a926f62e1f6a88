-- title: What one result takes (a held-out domain in one trial, with all its hyper-parameter draws and merged runs): means
-- section: dataset
-- row: label
-- column: part
-- value: value
-- row_order: first_run_id
-- column_order: part_order
-- digits: 3
-- :baseline=erm++  the last columns are multiples of what this method takes
-- :experiment      only this experiment
-- :dataset         only this dataset
WITH listed AS MATERIALIZED (
    SELECT run.id, run.dataset_id, dataset.name AS dataset, run.method, run.split_rule, run.held_out, run.trial, run.spec,
           coalesce(json_extract(run.spec, '$.merge.kind'), 'none') <> 'none' AS is_merge
    FROM run
    JOIN dataset ON dataset.id = run.dataset_id
    WHERE run.status = 'done' AND run.train_seconds IS NOT NULL
      AND (:experiment IS NULL OR run.id IN (SELECT run_id FROM run_experiment WHERE experiment = :experiment))
      AND (:dataset IS NULL OR dataset.name = :dataset)
),
-- What each listed run stands for: itself, or its members; is_trained: with its steps, not only its seconds.
part AS (
    SELECT id AS listed_id, id AS run_id, NOT is_merge AS is_trained FROM listed
    UNION
    SELECT listed.id, run.id, 1
    FROM listed
    JOIN json_each(listed.spec, '$.merge.members') AS member
    JOIN run ON run.key = member.value
    WHERE listed.is_merge
),
result AS (
    SELECT one.dataset, one.method, min(one.id) AS first_run_id, sum(is_trained) AS runs,
           sum(is_trained * (last_step + (run.steps > 0))) AS steps, sum(is_trained * train_flops) / 1e12 AS tflop,
           sum(train_seconds + coalesce(eval_seconds, 0)) / 3600 AS hours
    FROM (
        SELECT listed.dataset, listed.method, listed.split_rule, listed.held_out, listed.trial, min(listed.id) AS id,
               part.run_id, max(is_trained) AS is_trained
        FROM listed
        JOIN part ON part.listed_id = listed.id
        GROUP BY listed.dataset_id, listed.method, listed.split_rule, listed.held_out, listed.trial, part.run_id
    ) AS one
    JOIN run ON run.id = one.run_id
    GROUP BY one.dataset, one.method, one.split_rule, one.held_out, one.trial
),
mean AS MATERIALIZED (
    SELECT dataset, method, min(first_run_id) AS first_run_id, avg(runs) AS runs, avg(steps) AS steps,
           avg(tflop) AS tflop, avg(hours) AS hours
    FROM result
    GROUP BY dataset, method
),
parts (part, part_order) AS (
    VALUES ('runs', 0), ('steps/run', 1), ('steps', 2), ('TFLOP', 3), ('hours', 4), ('x steps', 5), ('x FLOP', 6),
           ('x hours', 7)
)
SELECT mean.dataset, mean.method AS label, part, part_order, mean.first_run_id,
       CASE part_order WHEN 0 THEN mean.runs WHEN 1 THEN mean.steps / mean.runs WHEN 2 THEN mean.steps
                       WHEN 3 THEN mean.tflop WHEN 4 THEN mean.hours
                       WHEN 5 THEN mean.steps / nullif(baseline.steps, 0)
                       WHEN 6 THEN mean.tflop / nullif(baseline.tflop, 0)
                       ELSE mean.hours / nullif(baseline.hours, 0) END AS value
FROM mean
CROSS JOIN parts
LEFT JOIN mean AS baseline ON baseline.dataset = mean.dataset AND baseline.method = :baseline
ORDER BY mean.dataset, mean.first_run_id, part_order;

SELECT CASE WHEN count(*) = 0 THEN 'No run of ' || :baseline || ': nothing to compare with.'
            ELSE 'Last columns: multiples of what ' || :baseline || ' takes.' END
FROM run
WHERE status = 'done' AND method = :baseline;
