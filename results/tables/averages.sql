-- title: Average accuracy (%) over held-out domains: mean +/- standard error over trials (trials), as DomainBed's Averages
-- base: yes
-- section: section
-- row: label
-- column: dataset
-- value: mean
-- error: stderr
-- n: n_trials
-- row_order: first_run_id
-- column_order: dataset_order
-- average: yes
-- scale: percent
-- best: max
-- :rule        {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :scored      {in|whole|out|validation} what is scored; in: the domain's in split, as DomainBed; else as each experiment says
-- :stderr      {population|sample} deviation that the standard error is made from; else as each experiment says
-- :experiment  only this experiment
-- :variant     these weights (raw, sma, ...); else those that each method reports
SELECT dataset, split_rule, domain, trial, score, run_id,
       split_rule || ' split; selected by ' || rule
       || CASE rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END
       || '; scored on ' || scored || '; standard error: ' || :stderr || ' deviation' AS section,
       CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
            ELSE method || ' (' || experiment || ')' END AS label
FROM scored_result
WHERE rule = :rule AND scored = :scored AND n_held_out = 1
  AND (:experiment IS NULL OR experiment = :experiment)
  AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
  AND experiment IN (SELECT value FROM json_each(:experiments))
WINDOW same AS (PARTITION BY dataset, split_rule, method);

-- First over the domains inside each trial, then over trials; a dataset that lacks a domain has no value.
SELECT section, label, dataset, CASE WHEN complete THEN mean END AS mean, CASE WHEN complete THEN stderr END AS stderr,
       CASE WHEN complete THEN n_trials END AS n_trials, first_run_id, min(first_run_id) OVER (PARTITION BY dataset) AS dataset_order
FROM (
    SELECT section, label, dataset, avg(mean) AS mean, standard_error(mean, :stderr) AS stderr, count(*) AS n_trials,
           min(first_run_id) AS first_run_id,
           min(n) = (SELECT count(*) FROM domain JOIN dataset AS d ON d.id = domain.dataset_id WHERE d.name = dataset)
               AS complete
    FROM (
        SELECT section, label, dataset, trial, avg(score) AS mean, count(*) AS n, min(run_id) AS first_run_id
        FROM base
        GROUP BY section, label, dataset, trial
    )
    GROUP BY section, label, dataset
)
ORDER BY section, first_run_id;

SELECT 'A dataset with a domain that was not held out (in each trial) has no average.' WHERE EXISTS (SELECT 1 FROM base);
