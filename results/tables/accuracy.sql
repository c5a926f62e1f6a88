-- title: Accuracy (%) on the held-out domain: mean +/- standard error (trials)
-- base: yes
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
-- outside: outside
-- average: yes
-- scale: percent
-- best: max
-- :rule          {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :scored        {in|whole|out|validation} what is scored; in: the domain's in split, as DomainBed; else as each experiment says
-- :stderr        {population|sample} deviation that the standard error is made from; else as each experiment says
-- :experiment    only this experiment
-- :dataset       only this dataset
-- :variant       these weights (raw, sma, ...); else those that each method reports
-- :reference=no  {no|yes} published values below one's own rows
SELECT dataset, split_rule, rule, scored, domain, domain_position, trial, score, n_runs, n_steps, run_id,
       dataset || ', ' || split_rule || ' split; selected by ' || rule
       || CASE rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END
       || '; scored on '
       || CASE scored WHEN 'in' THEN 'the held-out domain''s in split (as DomainBed)'
                      WHEN 'out' THEN 'the held-out domain''s out split'
                      WHEN 'whole' THEN 'the whole held-out domain' ELSE scored END
       || '; standard error: ' || :stderr || ' deviation' AS section,
       CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
            ELSE method || ' (' || experiment || ')' END AS label
FROM scored_result
WHERE rule = :rule AND scored = :scored AND n_held_out = 1
  AND (:experiment IS NULL OR experiment = :experiment)
  AND (:dataset IS NULL OR dataset = :dataset)
  AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
  AND experiment IN (SELECT value FROM json_each(:experiments))
WINDOW same AS (PARTITION BY dataset, split_rule, method);

SELECT section, label, domain, domain_position, avg(score) AS mean, standard_error(score, :stderr) AS stderr,
       count(*) AS n_trials, sum(n_runs) AS n_runs, sum(n_steps) AS n_steps, min(run_id) AS first_run_id, 0 AS outside
FROM base
GROUP BY dataset, split_rule, label, domain
UNION ALL
SELECT section, method || ' [' || source_number || ']', domain, domain_position, mean / 100, stderr / 100, NULL, NULL,
       NULL, 1e15 + place, 1
FROM (
    SELECT own.section, reference.value ->> 2 AS method, coalesce(own.domain, 'Avg') AS domain, own.domain_position,
           reference.value ->> 3 AS mean, reference.value ->> 4 AS stderr, reference.key AS place,
           dense_rank() OVER (ORDER BY reference.value ->> 7) AS source_number
    FROM json_each(:references) AS reference
    JOIN (SELECT DISTINCT section, dataset, rule, domain, domain_position FROM base
          UNION SELECT section, dataset, rule, NULL, NULL FROM base) AS own
      ON lower(own.dataset) = lower(reference.value ->> 0) AND own.rule = reference.value ->> 6
     AND coalesce(CAST(own.domain_position AS TEXT), 'Avg') = reference.value ->> 1
    WHERE :reference = 'yes'
)
ORDER BY section, first_run_id, domain_position;

-- What the trials cannot tell apart: the best method of a section beside each other one, paired by domain and trial.
WITH methods AS (
    SELECT section, label, avg(mean) AS mean, count(*) AS n_domains, min(first_run_id) AS place
    FROM (SELECT section, label, avg(score) AS mean, min(run_id) AS first_run_id FROM base GROUP BY section, label, domain)
    GROUP BY section, label
),
best AS (
    SELECT section, label, mean FROM (
        SELECT *, row_number() OVER (PARTITION BY section ORDER BY n_domains DESC, mean DESC, place) AS rank FROM methods)
    WHERE rank = 1
),
pairs AS MATERIALIZED (
    SELECT own.dataset, best.section, best.label AS best, other.label, methods.place,
           count(DISTINCT other.trial) AS n_trials, count(DISTINCT other.domain) AS n_domains,
           bootstrap_interval(own.score - other.score, own.domain_position) AS interval,
           sign_flip_p(own.score - other.score) AS p
    FROM best
    JOIN base AS own ON own.section = best.section AND own.label = best.label
    JOIN base AS other ON other.section = best.section AND other.label <> best.label
                      AND other.domain = own.domain AND other.trial = own.trial
    JOIN methods ON methods.section = best.section AND methods.label = other.label
    GROUP BY best.section, other.label
),
differences AS (
    SELECT pairs.*, (SELECT avg(difference) FROM (
               SELECT avg(own.score - other.score) AS difference
               FROM base AS own JOIN base AS other USING (section, domain, trial)
               WHERE own.section = pairs.section AND own.label = pairs.best AND other.label = pairs.label
               GROUP BY domain)) AS difference,
           (SELECT holm_p(pairs.p, every.p) FROM pairs AS every WHERE every.section = pairs.section) AS holm
    FROM pairs
)
SELECT dataset || ': ' || best || ' and ' || label || ' are not separated: difference '
       || printf('%.1f, 95 %% interval %.1f..%.1f, p = %.2g (Holm)', 100 * difference, 100 * (interval ->> 0),
                 100 * (interval ->> 1), holm)
       || ' over ' || n_trials || CASE n_trials WHEN 1 THEN ' trial x ' ELSE ' trials x ' END
       || n_domains || CASE n_domains WHEN 1 THEN ' domain' ELSE ' domains' END AS line
FROM differences
WHERE :scored <> 'validation' AND (interval ->> 0 <= 0 OR holm > 0.05)
UNION ALL
SELECT '[' || dense_rank() OVER (ORDER BY source) || '] ' || source
FROM (
    SELECT DISTINCT reference.value ->> 7 AS source
    FROM json_each(:references) AS reference
    JOIN (SELECT DISTINCT dataset, rule FROM base) AS own
      ON lower(own.dataset) = lower(reference.value ->> 0) AND own.rule = reference.value ->> 6
    WHERE :reference = 'yes'
)
UNION ALL
SELECT 'Runs not done, in no cell: ' || coalesce(group_concat(n || ' ' || status, ', '), 'none') || '.'
FROM (
    SELECT status, sum(n_runs) AS n
    FROM run_count
    WHERE status <> 'done' AND n_held_out = 1
      AND experiment IN (SELECT value FROM json_each(:experiments))
      AND (:dataset IS NULL OR dataset = :dataset)
    GROUP BY status
)
UNION ALL
SELECT 'Runs that hold out more than one domain, in no cell'
       || CASE :rule WHEN 'leave-one-domain-out' THEN ' (they validate)' ELSE '' END || ': ' || sum(n_runs) || '.'
FROM run_count
WHERE n_held_out > 1
  AND experiment IN (SELECT value FROM json_each(:experiments))
  AND (:dataset IS NULL OR dataset = :dataset)
HAVING sum(n_runs) > 0;
