-- title: What each method took per run: means over the runs that are done
-- :dataset  only this dataset
SELECT dataset, method, count(*) AS runs, avg(steps) AS steps, avg(ms_per_step) AS ms_per_step,
       avg(train_seconds) AS train_seconds, avg(eval_seconds) AS eval_seconds, avg(data_seconds) AS data_seconds,
       avg(train_gflops_per_second) AS gflops_per_second, max(peak_bytes) / 1048576.0 AS peak_mib,
       max(n_parameters) AS parameters, max(n_trainable) AS trainable, sum(total_seconds) / 3600 AS total_hours
FROM run_cost
WHERE status = 'done' AND (:dataset IS NULL OR dataset = :dataset)
GROUP BY dataset, method
ORDER BY dataset, min(run_id);
