-- title: What runs cost: means over runs that are done, and the hours of all of them
-- section: dataset
-- row: label
-- column: part
-- value: value
-- row_order: first_run_id
-- column_order: part_order
-- digits: 1
-- :experiment  only this experiment
-- :dataset     only this dataset
WITH cost AS MATERIALIZED (
    SELECT dataset, method, count(*) AS n_runs, sum(total_seconds) / 3600 AS hours, avg(total_seconds) AS seconds,
           avg(ms_per_step) AS ms_per_step, avg(eval_seconds / total_seconds) AS eval_share,
           avg(data_seconds / total_seconds) AS data_share, avg(train_gflops_per_second) AS gflops,
           max(peak_bytes) / 1048576.0 AS mib, max(n_trainable) / 1e6 AS trainable, min(run_id) AS first_run_id
    FROM run_cost
    WHERE status = 'done'
      AND (:experiment IS NULL OR run_id IN (SELECT run_id FROM run_experiment WHERE experiment = :experiment))
      AND (:dataset IS NULL OR dataset = :dataset)
    GROUP BY dataset, method
),
parts (part, part_order) AS (
    VALUES ('hours', 1), ('s/run', 2), ('ms/step', 3), ('eval %', 4), ('data wait %', 5), ('GFLOP/s', 6),
           ('peak MiB', 7), ('M trainable', 8)
)
SELECT dataset, method || ' (' || n_runs || CASE n_runs WHEN 1 THEN ' run)' ELSE ' runs)' END AS label, part, part_order, first_run_id,
       CASE part_order WHEN 1 THEN hours WHEN 2 THEN seconds WHEN 3 THEN ms_per_step
                       WHEN 4 THEN 100 * eval_share WHEN 5 THEN 100 * data_share WHEN 6 THEN gflops WHEN 7 THEN mib
                       ELSE trainable END AS value
FROM cost
CROSS JOIN parts
ORDER BY dataset, first_run_id, part_order;
