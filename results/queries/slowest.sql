-- title: The runs that took longest
-- :limit=10  how many
SELECT run_id AS run, dataset, method, held_out, trial, hparams_seed AS hparams, steps, total_seconds, train_seconds,
       eval_seconds, data_seconds, ms_per_step
FROM run_cost
WHERE total_seconds IS NOT NULL
ORDER BY total_seconds DESC, run_id
LIMIT :limit;
