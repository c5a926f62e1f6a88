-- title: How many runs of each status every experiment has
-- :experiment  only this experiment
SELECT experiment, dataset, sum(n_runs) AS runs,
       sum(n_runs) FILTER (WHERE status = 'done') AS done,
       sum(n_runs) FILTER (WHERE status = 'running') AS running,
       sum(n_runs) FILTER (WHERE status = 'interrupted') AS interrupted,
       sum(n_runs) FILTER (WHERE status = 'failed') AS failed,
       sum(n_runs) FILTER (WHERE status = 'diverged') AS diverged
FROM run_count
WHERE :experiment IS NULL OR experiment = :experiment
GROUP BY experiment, dataset
ORDER BY experiment, dataset;
