-- title: ERM++ component by component: accuracy (%) on the held-out domain, mean +/- standard error (trials)
-- base: yes
-- section: section
-- row: label
-- column: domain
-- value: mean
-- error: stderr
-- n: n_trials
-- row_order: place
-- column_order: domain_position
-- average: yes
-- scale: percent
-- best: max
-- :rule                       {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :scored                     {in|whole|out|validation} what is scored; in: the domain's in split, as DomainBed; else as each experiment says
-- :stderr                     {population|sample} deviation that the standard error is made from; else as each experiment says
-- :experiment=ermpp-ablation  the experiment whose methods have the labels below (scripts/experiments/ermpp-ablation.yaml)
-- :dataset                    only this dataset
-- :variant                    these weights (raw, sma, ...); else those that each method reports
WITH ladder(ladder, place, method, label, beside) AS (VALUES
    (1, 0, 'erm', 'ERM', NULL),
    (1, 1, 'erm+mpa', '+ averaged weights', 'erm'),
    (1, 2, 'erm+mpa+ws', '+ warm start', 'erm+mpa'),
    (1, 3, 'erm+mpa+ws+auto', '+ Auto-LR', 'erm+mpa+ws'),
    (1, 4, 'erm+mpa+ws+auto+full', '+ full data', 'erm+mpa+ws+auto'),
    (1, 5, 'erm++', '+ strong initial weights (ERM++)', 'erm+mpa+ws+auto+full'),
    (2, 6, 'erm++', 'ERM++', NULL),
    (2, 7, 'erm++ -mpa', '- averaged weights', 'erm++'),
    (2, 8, 'erm++ -ws', '- warm start', 'erm++'),
    (2, 9, 'erm++ -auto', '- Auto-LR', 'erm++'),
    (2, 10, 'erm++ -full', '- full data', 'erm++'),
    (2, 11, 'erm+mpa+ws+auto+full', '- strong initial weights', 'erm++'),
    (2, 12, 'erm++ -ubn', '- unfrozen batch norm', 'erm++')
)
SELECT CASE ladder WHEN 1 THEN 'Cumulative' ELSE 'Leave one out' END || '; ' || dataset || ', ' || split_rule
       || ' split; selected by ' || rule
       || CASE rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END
       || '; scored on ' || scored AS section,
       label, place, beside, scored_result.method, domain, domain_position, trial, score
FROM ladder
JOIN scored_result ON scored_result.method = ladder.method
WHERE rule = :rule AND scored = :scored AND n_held_out = 1 AND experiment = :experiment
  AND (:dataset IS NULL OR dataset = :dataset)
  AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
  AND experiment IN (SELECT value FROM json_each(:experiments));

SELECT section, label, place, domain, domain_position, avg(score) AS mean, standard_error(score, :stderr) AS stderr,
       count(*) AS n_trials
FROM base
GROUP BY section, place, domain
ORDER BY section, place, domain_position;

-- What each component is worth, paired by domain and trial: beside the row above, or beside ERM++.
SELECT label || ': '
       || printf('%+.1f, 95 %% interval %.1f..%.1f, p = %.2g, over %d pairs', 100 * difference, 100 * (interval ->> 0),
                 100 * (interval ->> 1), p, n)
       || CASE section LIKE 'Leave%' WHEN 1 THEN ', beside ERM++' ELSE ', beside the row above' END
FROM (
    SELECT own.section, own.label, own.place, avg(own.score - other.score) AS difference, count(*) AS n,
           bootstrap_interval(own.score - other.score, own.domain_position) AS interval,
           sign_flip_p(own.score - other.score) AS p
    FROM base AS own
    JOIN (SELECT DISTINCT method, domain, trial, score FROM base) AS other
      ON other.method = own.beside AND other.domain = own.domain AND other.trial = own.trial
    GROUP BY own.section, own.place
    ORDER BY own.section, own.place
)
UNION ALL
SELECT 'Intervals: two-level bootstrap over domains and trials; p: sign flips of the pairs, not corrected for their number.'
WHERE EXISTS (SELECT 1 FROM base);
