-- title: Milliseconds per training step on each machine, of the runs that are done
-- :dataset  only this dataset
-- :method   only this method
SELECT cpu, blas, threads, version, dataset, method, count(*) AS runs, avg(ms_per_step) AS ms_per_step,
       min(ms_per_step) AS fastest, max(ms_per_step) AS slowest, avg(train_gflops_per_second) AS gflops_per_second,
       avg(data_seconds / nullif(train_seconds, 0)) AS waiting_share, sum(total_seconds) / 3600 AS hours
FROM run_cost
WHERE status = 'done' AND (:dataset IS NULL OR dataset = :dataset) AND (:method IS NULL OR method = :method)
GROUP BY cpu, blas, threads, version, dataset, method
ORDER BY dataset, method, ms_per_step;
