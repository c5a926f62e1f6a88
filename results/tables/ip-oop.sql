-- title: In-pretraining (IP) and out-of-pretraining (OOP) accuracy (%) on the held-out domain: mean +/- standard error (trials)
-- base: yes
-- section: section
-- row: label
-- column: heading
-- value: mean
-- error: stderr
-- n: n_trials
-- row_order: row_order
-- column_order: column_order
-- scale: percent
-- best: max
-- :rule         {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :stderr       {population|sample} deviation that the standard error is made from; else as each experiment says
-- :ip_oop_rule  only this rule (table ip_oop_rule); else every rule that fits a scorer
-- :scorer       only this scorer
-- :experiment   only this experiment
-- :dataset      only this dataset
-- :variant      these weights (raw, sma, ...); else those that each method reports
WITH sizes AS MATERIALIZED (
    SELECT dataset.name AS dataset, domain.name AS domain, domain.position AS domain_position, cut.ip_oop_rule,
           scorer.name AS scorer,
           sum(score >= cut.split AND score <= cut.high) AS n_ip, sum(score >= cut.low AND score < cut.split) AS n_oop,
           sum(score >= cut.split AND score <= cut.high AND zero_shot_class_id = class_id) AS ip_correct,
           sum(score >= cut.low AND score < cut.split AND zero_shot_class_id = class_id) AS oop_correct,
           count(zero_shot_class_id) AS n_zero_shot
    FROM ip_oop_cut AS cut
    CROSS JOIN scorer ON scorer.id = cut.scorer_id
    CROSS JOIN dataset ON dataset.id = cut.dataset_id
    CROSS JOIN alignment ON alignment.scorer_id = scorer.id AND alignment.score IS NOT NULL
    CROSS JOIN image ON image.id = alignment.image_id AND image.dataset_id = dataset.id
    CROSS JOIN domain ON domain.id = image.domain_id
    WHERE (:ip_oop_rule IS NULL OR cut.ip_oop_rule = :ip_oop_rule) AND (:scorer IS NULL OR scorer.name = :scorer)
      AND (:dataset IS NULL OR dataset.name = :dataset)
    GROUP BY scorer.id, dataset.id, cut.ip_oop_rule, domain.id
),
runs AS MATERIALIZED (
    SELECT split_rule, dataset, ip_oop_rule, scorer, domain, experiment, method, trial, run_id, n_ip, n_oop, ip_correct, oop_correct
    FROM ip_oop_result
    WHERE rule = :rule AND n_held_out = 1
      AND (:experiment IS NULL OR experiment = :experiment)
      AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
      AND experiment IN (SELECT value FROM json_each(:experiments))
      AND (:dataset IS NULL OR dataset = :dataset)
      AND (:ip_oop_rule IS NULL OR ip_oop_rule = :ip_oop_rule) AND (:scorer IS NULL OR scorer = :scorer)
),
rows AS (
    SELECT split_rule, dataset, ip_oop_rule, scorer, domain, trial, run_id, n_ip, n_oop, ip_correct, oop_correct,
           CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
                ELSE method || ' (' || experiment || ')' END AS label
    FROM runs
    WINDOW same AS (PARTITION BY dataset, split_rule, method)
    UNION ALL
    SELECT split_rule, dataset, ip_oop_rule, scorer, domain, NULL, NULL, n_ip, n_oop, ip_correct, oop_correct,
           'zero-shot (the scorer)'
    FROM sizes
    JOIN (SELECT DISTINCT split_rule FROM runs UNION ALL SELECT 'no runs yet' WHERE NOT EXISTS (SELECT 1 FROM runs))
    WHERE n_zero_shot > 0
)
SELECT 'IP/OOP rule "' || ip_oop_rule || '", scorer ' || scorer || '; ' || split_rule || CASE split_rule
       WHEN 'no runs yet' THEN '' ELSE ' split; selected by ' || :rule
       || CASE :rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END
       || '; standard error: ' || :stderr || ' deviation' END AS family,
       'IP/OOP rule "' || ip_oop_rule || '", scorer ' || scorer || '; ' || split_rule
       || CASE split_rule WHEN 'no runs yet' THEN '' ELSE ' split' END AS short,
       rows.ip_oop_rule, rows.scorer, rows.dataset, rows.domain, sizes.domain_position, label, trial, run_id, bucket, place,
       CASE bucket WHEN 'IP' THEN sizes.n_ip WHEN 'OOP' THEN sizes.n_oop ELSE sizes.n_ip + sizes.n_oop END AS n_images,
       CASE bucket WHEN 'IP' THEN rows.n_ip WHEN 'OOP' THEN rows.n_oop ELSE rows.n_ip + rows.n_oop END AS n,
       CASE bucket WHEN 'IP' THEN 1.0 * rows.ip_correct / nullif(rows.n_ip, 0)
                   WHEN 'OOP' THEN 1.0 * rows.oop_correct / nullif(rows.n_oop, 0)
                   ELSE 1.0 * (rows.ip_correct + rows.oop_correct) / nullif(rows.n_ip + rows.n_oop, 0) END AS score
FROM rows
JOIN sizes USING (ip_oop_rule, scorer, dataset, domain)
JOIN (SELECT 'IP' AS bucket, 0 AS place UNION ALL SELECT 'OOP', 1 UNION ALL SELECT 'All', 2)
WHERE n_images > 0;

-- A domain without images of a bucket has no part in its average; a method without a run for a domain has no average.
WITH wanted AS (
    SELECT family, dataset, bucket, count(*) AS n_domains, sum(n_images) AS n_images
    FROM (SELECT DISTINCT family, dataset, domain, bucket, n_images FROM base)
    GROUP BY family, dataset, bucket
),
n_datasets AS (SELECT family, count(DISTINCT dataset) AS n FROM wanted GROUP BY family),
trials AS (
    SELECT family, short, dataset, label, bucket, place, trial, min(run_id) AS run_id,
           CASE WHEN count(score) = n_domains THEN avg(score) END AS score
    FROM base
    JOIN wanted USING (family, dataset, bucket)
    GROUP BY family, dataset, label, bucket, trial
),
everywhere AS (
    SELECT family, label, bucket, place, trial, min(run_id) AS run_id,
           CASE WHEN count(score) = n_datasets.n THEN avg(score) END AS score
    FROM trials
    JOIN n_datasets USING (family)
    WHERE n_datasets.n > 1
    GROUP BY family, label, bucket, trial
),
cells AS (
    SELECT family, 'Average over the held-out domains; ' || family AS section, 0 AS part, label,
           dataset || ' ' || bucket || ' (' || n_images || ')' AS heading, place AS column_order,
           dataset AS dataset_order, score, trial, run_id, trial IS NULL AS is_zero_shot
    FROM trials
    JOIN wanted USING (family, dataset, bucket)
    UNION ALL
    SELECT family, 'Average over the held-out domains; ' || family, 0, label, 'Avg ' || bucket, 1000 + place, '', score, trial, run_id, trial IS NULL
    FROM everywhere
    UNION ALL
    SELECT family, bucket || '; ' || dataset || '; ' || short, 1 + place, label, domain || ' (' || n_images || ')', domain_position,
           dataset, score, trial, run_id, trial IS NULL
    FROM base
    UNION ALL
    SELECT family, bucket || '; ' || dataset || '; ' || short, 1 + place, label, 'Avg', 1e6, dataset, score, trial, run_id, trial IS NULL
    FROM trials
)
SELECT section, label, heading, avg(score) AS mean,
       CASE WHEN NOT is_zero_shot THEN standard_error(score, :stderr) END AS stderr,
       CASE WHEN NOT is_zero_shot THEN count(score) END AS n_trials,
       CASE WHEN is_zero_shot THEN 0 ELSE 1 + min(run_id) END AS row_order,
       column_order + CASE part WHEN 0 THEN 3 * (SELECT count(*) FROM (SELECT DISTINCT dataset FROM base) WHERE dataset < dataset_order)
                                ELSE 0 END AS column_order
FROM cells
GROUP BY family, part, dataset_order, section, label, heading, is_zero_shot
HAVING count(*) = count(score)
ORDER BY family, part, dataset_order, row_order, column_order;

SELECT 'Accuracy on the whole held-out domain by bucket; in brackets: its images. All: IP and OOP, without what the rule drops.'
       || ' Averages: over the domains inside each trial, then over datasets, then over trials.'
WHERE EXISTS (SELECT 1 FROM base)
UNION ALL
SELECT dataset || ', ' || label || ': predictions of ' || sum(n) || ' of ' || sum(n_images) || ' images are stored.'
FROM (SELECT DISTINCT dataset, label, domain, trial, n, n_images FROM base WHERE bucket = 'All')
GROUP BY dataset, label
HAVING sum(n) < sum(n_images)
UNION ALL
SELECT 'Nothing has an alignment score yet: dgbench score gives them.'
WHERE NOT EXISTS (SELECT 1 FROM alignment WHERE score IS NOT NULL)
UNION ALL
SELECT 'Selected checkpoints without stored predictions (eval.outcomes: none), in no cell: ' || count(*) || '.'
FROM selected
WHERE rule = :rule AND n_held_out = 1 AND reported AND experiment IN (SELECT value FROM json_each(:experiments))
  AND (:dataset IS NULL OR dataset_id = (SELECT id FROM dataset WHERE name = :dataset))
  AND NOT EXISTS (SELECT 1 FROM outcome WHERE outcome.checkpoint_id = selected.checkpoint_id)
HAVING count(*) > 0
UNION ALL
SELECT 'Runs not done, in no cell: ' || coalesce(group_concat(n || ' ' || status, ', '), 'none') || '.'
FROM (
    SELECT status, sum(n_runs) AS n
    FROM run_count
    WHERE status <> 'done' AND n_held_out = 1
      AND experiment IN (SELECT value FROM json_each(:experiments))
      AND (:dataset IS NULL OR dataset = :dataset)
    GROUP BY status
);
