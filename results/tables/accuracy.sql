-- title: Accuracy (%) on the held-out domain: mean +/- standard error (trials)
-- section: section
-- row: label
-- column: domain
-- value: mean
-- error: stderr
-- n: n_trials
-- runs: n_runs
-- steps: n_steps
-- row_order: first_run_id
-- column_order: domain_position
-- average: yes
-- scale: percent
-- best: max
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last} how checkpoints and hyper-parameters are selected
-- :scored=in             {in|whole|out|validation} what is scored; in: the domain's in split, as DomainBed
-- :experiment            only this experiment
-- :dataset               only this dataset
-- :variant               these weights (raw, sma, ...); else those that each method reports
WITH chosen AS MATERIALIZED (
    SELECT *
    FROM cell
    WHERE rule = :rule AND scored = :scored AND n_held_out = 1
      AND (:experiment IS NULL OR experiment = :experiment)
      AND (:dataset IS NULL OR dataset = :dataset)
      AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
)
SELECT dataset || ', ' || split_rule || ' split; selected by ' || rule || CASE rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END
       || '; scored on '
       || CASE scored WHEN 'in' THEN 'the held-out domain''s in split (as DomainBed)'
                      WHEN 'out' THEN 'the held-out domain''s out split'
                      WHEN 'whole' THEN 'the whole held-out domain' ELSE scored END AS section,
       CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
            ELSE method || ' (' || experiment || ')' END AS label,
       domain, domain_position, mean, stderr, n_trials, n_runs, n_steps, first_run_id
FROM chosen
WINDOW same AS (PARTITION BY dataset, split_rule, method)
ORDER BY dataset, split_rule, first_run_id, domain_position;

SELECT 'Runs not done, in no cell: ' || coalesce(group_concat(n || ' ' || status, ', '), 'none') || '.'
FROM (
    SELECT status, sum(n_runs) AS n
    FROM run_count
    WHERE status <> 'done' AND n_held_out = 1
      AND (:experiment IS NULL OR experiment = :experiment)
      AND (:dataset IS NULL OR dataset = :dataset)
    GROUP BY status
)
UNION ALL
SELECT 'Runs that hold out more than one domain, in no cell: ' || sum(n_runs) || '.'
FROM run_count
WHERE n_held_out > 1
  AND (:experiment IS NULL OR experiment = :experiment)
  AND (:dataset IS NULL OR dataset = :dataset)
HAVING sum(n_runs) > 0;
