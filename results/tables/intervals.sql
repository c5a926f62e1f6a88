-- title: Mean accuracy (%) over held-out domains and trials with its 95 % bootstrap interval
-- base: yes
-- section: section
-- row: label
-- column: part
-- value: value
-- n: n
-- row_order: first_run_id
-- column_order: part_order
-- scale: percent
-- :rule        {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :scored      {in|whole|out|validation} what is scored; in: the domain's in split, as DomainBed; else as each experiment says
-- :experiment  only this experiment
-- :dataset     only this dataset
-- :variant     these weights (raw, sma, ...); else those that each method reports
SELECT dataset, split_rule, domain_position, score, run_id,
       dataset || ', ' || split_rule || ' split; selected by ' || rule
       || CASE rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END
       || '; scored on ' || scored AS section,
       CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
            ELSE method || ' (' || experiment || ')' END AS label
FROM scored_result
WHERE rule = :rule AND scored = :scored AND n_held_out = 1
  AND (:experiment IS NULL OR experiment = :experiment)
  AND (:dataset IS NULL OR dataset = :dataset)
  AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
  AND experiment IN (SELECT value FROM json_each(:experiments))
WINDOW same AS (PARTITION BY dataset, split_rule, method);

WITH interval AS MATERIALIZED (
    SELECT section, label, sum(mean) / count(*) AS mean, sum(n) AS n, min(first_run_id) AS first_run_id,
           (SELECT bootstrap_interval(score, domain_position) FROM base
            WHERE base.section = domains.section AND base.label = domains.label) AS ends
    FROM (SELECT section, label, avg(score) AS mean, count(*) AS n, min(run_id) AS first_run_id
          FROM base GROUP BY section, label, domain_position) AS domains
    GROUP BY section, label
)
SELECT section, label, 'mean' AS part, mean AS value, n, first_run_id, 0 AS part_order FROM interval
UNION ALL
SELECT section, label, 'low', ends ->> 0, NULL, first_run_id, 1 FROM interval
UNION ALL
SELECT section, label, 'high', ends ->> 1, NULL, first_run_id, 2 FROM interval
ORDER BY section, first_run_id, part_order;

SELECT 'Two-level bootstrap: domains are drawn, then the trials of each (5,000 times, fixed seed). It asks what other domains'
       || ' would give, so domains that differ make it wide; to compare methods use the table compare, which is paired.'
WHERE EXISTS (SELECT 1 FROM base);
