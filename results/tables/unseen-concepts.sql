-- title: Concept split: held-out accuracy (%) on all images and on concepts unseen in training, mean +/- standard error (trials)
-- section: section
-- row: label
-- column: domain
-- value: mean
-- error: stderr
-- n: n_trials
-- row_order: row_order
-- column_order: domain_position
-- average: yes
-- scale: percent
-- :rule        {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :stderr      {population|sample} deviation that the standard error is made from; else as each experiment says
-- :experiment  only this experiment
-- :dataset     only this dataset
-- :variant     these weights (raw, sma, ...); else those that each method reports
WITH chosen AS MATERIALIZED (
    SELECT *
    FROM cell
    WHERE rule = :rule AND scored IN ('whole', 'out', 'validation') AND split_rule = 'concept' AND n_held_out = 1
      AND (:experiment IS NULL OR experiment = :experiment)
      AND experiment IN (SELECT value FROM json_each(:experiments))
      AND (:dataset IS NULL OR dataset = :dataset)
      AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
)
SELECT dataset || '; selected by ' || rule
       || CASE rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END
       || '; standard error: ' || :stderr || ' deviation' AS section,
       CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
            ELSE method || ' (' || experiment || ')' END
       || CASE scored WHEN 'whole' THEN ': all images' WHEN 'out' THEN ': unseen concepts'
                      ELSE ': in-domain, unseen concepts' END AS label,
       domain, domain_position, mean, CASE :stderr WHEN 'sample' THEN sample_stderr ELSE stderr END AS stderr, n_trials,
       min(first_run_id) OVER same * 4 + CASE scored WHEN 'whole' THEN 0 WHEN 'out' THEN 1 ELSE 2 END AS row_order
FROM chosen
WINDOW same AS (PARTITION BY dataset, method)
ORDER BY dataset, row_order, domain_position;

SELECT 'Runs not done, in no cell: ' || coalesce(group_concat(n || ' ' || status, ', '), 'none') || '.'
FROM (
    SELECT status, sum(n_runs) AS n
    FROM run_count
    WHERE status <> 'done' AND split_rule = 'concept' AND n_held_out = 1
      AND (:experiment IS NULL OR experiment = :experiment)
      AND experiment IN (SELECT value FROM json_each(:experiments))
      AND (:dataset IS NULL OR dataset = :dataset)
    GROUP BY status
);
