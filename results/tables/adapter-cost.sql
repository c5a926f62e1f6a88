-- title: What adapters cost: means over runs that are done; time relative to LoRA and to full fine-tuning
-- section: dataset
-- row: label
-- column: part
-- value: value
-- unit: unit
-- row_order: first_run_id
-- column_order: part_order
-- digits: 2
-- :experiment  only this experiment
-- :dataset     only this dataset
-- :lora        method that the column "x LoRA" divides by (default: lora)
-- :full        method that the column "x full" divides by (default: erm)
WITH cost AS MATERIALIZED (
    SELECT dataset, method, count(*) AS n_runs, max(n_trainable) / 1e3 AS trained, max(n_inference) / 1e3 AS kept,
           max(n_parameters) AS n_parameters, avg(ms_per_step) AS ms_per_step, max(peak_bytes) / 1048576.0 AS mib,
           min(run_id) AS first_run_id
    FROM run_cost
    WHERE status = 'done' AND steps > 0
      AND (:experiment IS NULL OR run_id IN (SELECT run_id FROM run_experiment WHERE experiment = :experiment))
      AND (:dataset IS NULL OR dataset = :dataset)
    GROUP BY dataset, method
),
against AS (
    SELECT cost.*,
           ms_per_step / (SELECT ms_per_step FROM cost AS one WHERE one.dataset = cost.dataset AND one.method = coalesce(:lora, 'lora')) AS x_lora,
           ms_per_step / (SELECT ms_per_step FROM cost AS one WHERE one.dataset = cost.dataset AND one.method = coalesce(:full, 'erm')) AS x_full
    FROM cost
),
parts (part, part_order, unit) AS (
    VALUES ('trained, k', 1, 'number'), ('at inference, k', 2, 'number'), ('peak MiB', 3, 'number'), ('ms/step', 4, 'number'),
           ('x LoRA', 5, ''), ('x full', 6, '')
)
SELECT dataset, method || ' (' || n_runs || CASE n_runs WHEN 1 THEN ' run)' ELSE ' runs)' END AS label, part, part_order, unit,
       first_run_id,
       CASE part_order WHEN 1 THEN trained WHEN 2 THEN kept WHEN 3 THEN mib WHEN 4 THEN ms_per_step WHEN 5 THEN x_lora
                       ELSE x_full END AS value
FROM against
CROSS JOIN parts
ORDER BY dataset, first_run_id, part_order;

SELECT 'Trained: values that the optimiser moves, generators and the classifier included. At inference: those that are left of'
       || ' them once a generator is thrown away; merged into the network they cost nothing. Times are wall clock: compare runs'
       || ' that had the same machine to themselves.';
