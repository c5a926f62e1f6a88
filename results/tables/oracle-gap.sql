-- title: Average accuracy (%) over held-out domains by selection rule: mean +/- standard error over trials (trials)
-- base: yes
-- section: section
-- row: label
-- column: rule
-- value: mean
-- error: stderr
-- n: n_trials
-- row_order: first_run_id
-- column_order: rule_order
-- scale: percent
-- best: max
-- :scored      {in|whole|out} what is scored; in: the domain's in split, as DomainBed; else as each experiment says
-- :stderr      {population|sample} deviation that the standard error is made from; else as each experiment says
-- :experiment  only this experiment
-- :dataset     only this dataset
-- :variant     these weights (raw, sma, ...); else those that each method reports
SELECT dataset, split_rule, rule, domain, trial, score, run_id,
       dataset || ', ' || split_rule || ' split; scored on ' || scored AS section,
       CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
            ELSE method || ' (' || experiment || ')' END AS label
FROM scored_result
WHERE scored = :scored AND n_held_out = 1
  AND (:experiment IS NULL OR experiment = :experiment)
  AND (:dataset IS NULL OR dataset = :dataset)
  AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
  AND experiment IN (SELECT value FROM json_each(:experiments))
WINDOW same AS (PARTITION BY dataset, split_rule, method);

WITH sizes AS MATERIALIZED (SELECT section, count(DISTINCT domain) AS n FROM base GROUP BY section)
SELECT section, label, rule, avg(mean) AS mean, standard_error(mean, :stderr) AS stderr, count(*) AS n_trials,
       min(first_run_id) AS first_run_id,
       CASE rule WHEN 'training-domain' THEN 0 WHEN 'leave-one-domain-out' THEN 1 WHEN 'oracle' THEN 2 ELSE 3 END
           AS rule_order
FROM (
    SELECT section, label, rule, trial, avg(score) AS mean, count(*) AS n, min(run_id) AS first_run_id
    FROM base
    GROUP BY section, label, rule, trial
)
JOIN sizes USING (section, n)
GROUP BY section, label, rule
ORDER BY section, first_run_id, rule_order;

SELECT 'Only trials with every held-out domain count. training-domain: best mean out-split accuracy of the sources;'
       || ' leave-one-domain-out: needs runs that hold out two domains; oracle: last checkpoint, hyper-parameters by the'
       || ' held-out domain''s out split, so no rule one could use; last: last checkpoint, hyper-parameters by training-domain.'
WHERE EXISTS (SELECT 1 FROM base);
