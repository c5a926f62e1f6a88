-- part: table
-- title: Cost
-- note: Of the runs that are done. Parameters and peak memory are the largest of them; the last column is the sum over all of them.
-- caption: means per run
SELECT dataset AS section, method AS Method, count(*) AS "Runs", format('%.0f', avg(steps)) AS "Steps",
       format('%.3f', max(n_parameters) / 1e6) AS "Parameters, M", format('%.1f', avg(train_flops) / 1e12) AS "TFLOPs",
       format('%.1f', avg(ms_per_step)) AS "ms/step", format('%.1f', avg(train_seconds)) AS "Training, s",
       format('%.1f', avg(eval_seconds)) AS "Evaluation, s", format('%.1f', max(peak_bytes) / 1048576.0) AS "Peak memory, MiB",
       format('%.2f', sum(total_seconds) / 3600) AS "All runs, h"
FROM main.run_cost
WHERE status = 'done' AND run_id IN (SELECT run_id FROM run_shown)
GROUP BY dataset, method
ORDER BY dataset, min(run_id);
