-- title: Two methods, paired by held-out domain and trial: accuracy (%)
-- base: yes
-- section: section
-- row: label
-- column: domain
-- value: value
-- n: n
-- row_order: row_order
-- column_order: domain_position
-- average: yes
-- scale: percent
-- :a           the first method
-- :b           the second one; difference: a - b
-- :rule        {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :scored      {in|whole|out|validation} what is scored; in: the domain's in split, as DomainBed; else as each experiment says
-- :experiment  only this experiment
-- :dataset     only this dataset
-- :variant     these weights (raw, sma, ...); else those that each method reports
SELECT a.dataset, a.domain, a.domain_position, a.trial, a.score AS a, b.score AS b, a.score - b.score AS difference,
       a.dataset || ', ' || a.split_rule || ' split; selected by ' || a.rule
       || CASE a.rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END
       || '; scored on ' || a.scored
       || CASE WHEN a.experiment = b.experiment THEN '' ELSE '; ' || a.experiment || ' beside ' || b.experiment END
           AS section
FROM scored_result AS a
JOIN scored_result AS b USING (rule, scored, dataset, split_rule, held_out, n_held_out, domain, trial)
WHERE rule = :rule AND scored = :scored AND n_held_out = 1 AND a.method = :a AND b.method = :b AND :a <> :b
  AND b.rule = :rule AND b.scored = :scored AND b.n_held_out = 1
  AND (:experiment IS NULL OR a.experiment = :experiment AND b.experiment = :experiment)
  AND (:dataset IS NULL OR dataset = :dataset)
  AND CASE WHEN :variant IS NULL THEN a.reported AND b.reported ELSE a.variant = :variant AND b.variant = :variant END
  AND a.experiment IN (SELECT value FROM json_each(:experiments))
  AND b.experiment IN (SELECT value FROM json_each(:experiments));

SELECT section, :a AS label, domain, domain_position, avg(a) AS value, count(*) AS n, 0 AS row_order
FROM base GROUP BY section, domain
UNION ALL
SELECT section, :b, domain, domain_position, avg(b), count(*), 1 FROM base GROUP BY section, domain
UNION ALL
SELECT section, 'difference', domain, domain_position, avg(difference), count(*), 2 FROM base GROUP BY section, domain
ORDER BY section, row_order, domain_position;

SELECT dataset || ': ' || :a || ' - ' || :b || ' = '
       || printf('%.2f, 95 %% interval %.2f..%.2f, p = %.2g', 100 * mean, 100 * (interval ->> 0), 100 * (interval ->> 1), p)
       || ' (' || n || ' pairs); ' || wins || ' wins, ' || losses || ' losses, ' || (n - wins - losses) || ' ties.'
FROM (
    SELECT dataset, section, count(*) AS n, sum(difference > 0) AS wins, sum(difference < 0) AS losses,
           bootstrap_interval(difference, domain_position) AS interval, sign_flip_p(difference) AS p,
           (SELECT avg(mean) FROM (SELECT avg(difference) AS mean FROM base AS own
                                   WHERE own.section = base.section GROUP BY domain)) AS mean
    FROM base
    GROUP BY section
)
UNION ALL
SELECT 'Interval: two-level bootstrap of the paired differences (domains, then trials). p: sign-flip permutation test, two-sided.'
WHERE EXISTS (SELECT 1 FROM base)
UNION ALL
SELECT 'Give the two methods: -p a=NAME -p b=NAME.' WHERE :a IS NULL OR :b IS NULL OR :a = :b;
