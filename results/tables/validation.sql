-- title: In-domain validation beside held-out accuracy (%): mean +/- standard error (trials)
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
-- :scored      {in|whole|out} what is scored; in: the domain's in split, as DomainBed; else as each experiment says
-- :stderr      {population|sample} deviation that the standard error is made from; else as each experiment says
-- :experiment  only this experiment
-- :dataset     only this dataset
-- :variant     these weights (raw, sma, ...); else those that each method reports
WITH both AS MATERIALIZED (
    SELECT dataset, split_rule, rule, experiment, method, domain, domain_position, scored, mean,
           CASE :stderr WHEN 'sample' THEN sample_stderr ELSE stderr END AS stderr, n_trials, first_run_id
    FROM cell
    WHERE rule = :rule AND scored IN ('validation', :scored) AND n_held_out = 1
      AND (:experiment IS NULL OR experiment = :experiment)
      AND experiment IN (SELECT value FROM json_each(:experiments))
      AND (:dataset IS NULL OR dataset = :dataset)
      AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
),
lines AS (
    SELECT dataset, split_rule, rule, experiment, method,
           CASE scored WHEN 'validation' THEN 'validation' WHEN 'whole' THEN 'held-out, whole domain'
                       ELSE 'held-out, ' || scored || ' split' END AS line,
           scored <> 'validation' AS line_order, domain, domain_position, mean, stderr, n_trials, first_run_id
    FROM both
    UNION ALL
    SELECT dataset, split_rule, rule, experiment, method, 'gap', 2, domain, domain_position,
           sum(CASE scored WHEN 'validation' THEN mean ELSE -mean END), NULL, NULL, first_run_id
    FROM both
    GROUP BY dataset, split_rule, experiment, method, domain
    HAVING count(*) = 2
)
SELECT dataset || ', ' || split_rule || ' split; selected by ' || rule
       || CASE rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END
       || '; standard error: ' || :stderr || ' deviation' AS section,
       CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
            ELSE method || ' (' || experiment || ')' END || ': ' || line AS label,
       domain, domain_position, mean, stderr, n_trials, min(first_run_id) OVER same * 4 + line_order AS row_order
FROM lines
WINDOW same AS (PARTITION BY dataset, split_rule, method)
ORDER BY dataset, split_rule, row_order, domain_position;

SELECT 'Validation: unweighted mean over the source domains of their out split. Runs not done, in no cell: '
       || coalesce(group_concat(n || ' ' || status, ', '), 'none') || '.'
FROM (
    SELECT status, sum(n_runs) AS n
    FROM run_count
    WHERE status <> 'done' AND n_held_out = 1
      AND (:experiment IS NULL OR experiment = :experiment)
      AND experiment IN (SELECT value FROM json_each(:experiments))
      AND (:dataset IS NULL OR dataset = :dataset)
    GROUP BY status
);
