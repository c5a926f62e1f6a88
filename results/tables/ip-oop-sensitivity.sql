-- title: Accuracy (%) on IP and OOP images for other splits between them, mean over the held-out domains
-- base: yes
-- section: section
-- row: line
-- column: heading
-- value: value
-- error: stderr
-- row_order: row_order
-- column_order: k
-- scale: percent
-- :rule         {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :stderr       {population|sample} deviation that the standard error is made from; else as each experiment says
-- :ip_oop_rule  only this rule (table ip_oop_rule); else every rule that fits a scorer
-- :step         between neighbouring splits; else 0.01 of a threshold, 0.05 of a quantile
-- :scorer       only this scorer
-- :experiment   only this experiment
-- :dataset      only this dataset
-- :variant      these weights (raw, sma, ...); else those that each method reports
WITH RECURSIVE places(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM places WHERE k < 9),
rules AS MATERIALIZED (
    SELECT cut.*, ip_oop_rule.kind, ip_oop_rule.split AS own_split, scorer.name AS scorer, dataset.name AS dataset,
           coalesce(:step, CASE kind WHEN 'threshold' THEN 0.01 ELSE 0.05 END) AS step
    FROM ip_oop_cut AS cut
    CROSS JOIN ip_oop_rule ON ip_oop_rule.name = cut.ip_oop_rule
    CROSS JOIN scorer ON scorer.id = cut.scorer_id
    CROSS JOIN dataset ON dataset.id = cut.dataset_id
    WHERE (:ip_oop_rule IS NULL OR cut.ip_oop_rule = :ip_oop_rule) AND (:scorer IS NULL OR scorer.name = :scorer)
      AND (:dataset IS NULL OR dataset.name = :dataset)
),
ranked AS MATERIALIZED (
    SELECT alignment.scorer_id, image.dataset_id, image.id AS image_id, image.domain_id, image.class_id, score,
           (count(*) OVER (below ORDER BY score) - 1.0) / max(count(*) OVER below - 1, 1) AS rank
    FROM (SELECT DISTINCT scorer_id FROM rules) AS used
    CROSS JOIN alignment ON alignment.scorer_id = used.scorer_id AND score IS NOT NULL
    CROSS JOIN image ON image.id = alignment.image_id
    WINDOW below AS (PARTITION BY alignment.scorer_id, image.dataset_id)
),
splits AS MATERIALIZED ( -- nine splits around the rule's own, those that lie between its low and its high
    SELECT * FROM (
        SELECT rules.*, k, own_split + (k - 5) * step AS named,
               CASE kind WHEN 'threshold' THEN own_split + (k - 5) * step
                         ELSE (SELECT min(score) FROM ranked
                               WHERE ranked.scorer_id = rules.scorer_id AND ranked.dataset_id = rules.dataset_id
                                 AND rank >= round(own_split + (k - 5) * step, 9)) END AS at
        FROM rules
        CROSS JOIN places
    )
    WHERE at BETWEEN low AND high AND (kind = 'threshold' OR named BETWEEN 0 AND 1)
),
scored AS MATERIALIZED ( -- place: how many of the splits the image is at or above
    SELECT ranked.image_id, ranked.domain_id, ranked.class_id, rules.ip_oop_rule, rules.scorer_id, rules.dataset_id,
           (SELECT coalesce(max(k), 0) FROM splits
            WHERE splits.ip_oop_rule = rules.ip_oop_rule AND splits.scorer_id = rules.scorer_id
              AND splits.dataset_id = rules.dataset_id AND at <= ranked.score) AS place
    FROM rules
    CROSS JOIN ranked ON ranked.scorer_id = rules.scorer_id AND ranked.dataset_id = rules.dataset_id
    WHERE score BETWEEN low AND high
),
runs AS MATERIALIZED (
    SELECT experiment, dataset_id, split_rule, method, trial, run_id, checkpoint_id,
           CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
                ELSE method || ' (' || experiment || ')' END AS label
    FROM selected
    WHERE rule = :rule AND n_held_out = 1
      AND (:experiment IS NULL OR experiment = :experiment)
      AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
      AND experiment IN (SELECT value FROM json_each(:experiments))
    WINDOW same AS (PARTITION BY dataset_id, split_rule, method)
),
counted AS MATERIALIZED (
    SELECT scored.dataset_id, scored.ip_oop_rule, scored.scorer_id, split_rule, label, scored.domain_id, trial, runs.run_id, place, count(*) AS n,
           sum(outcome.predicted_class_id = scored.class_id) AS correct
    FROM runs
    CROSS JOIN run_domain ON run_domain.run_id = runs.run_id AND run_domain.role = 'held_out'
    CROSS JOIN outcome ON outcome.checkpoint_id = runs.checkpoint_id
    JOIN scored ON scored.image_id = outcome.image_id
    WHERE scored.domain_id = run_domain.domain_id
    GROUP BY scored.ip_oop_rule, scored.scorer_id, runs.checkpoint_id, runs.label, scored.domain_id, place
)
SELECT splits.dataset || '; IP/OOP rule "' || splits.ip_oop_rule || '" (' || splits.kind || '), scorer ' || splits.scorer || '; ' || split_rule
       || ' split; selected by ' || :rule
       || CASE :rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END
       || '; standard error: ' || :stderr || ' deviation' AS section,
       label, domain_id, trial, min(run_id) AS run_id, k,
       CASE kind WHEN 'quantile' THEN 'q ' ELSE '' END
       || CASE WHEN abs(round(named, 2) - named) < 1e-9 THEN printf('%.2f', named) ELSE printf('%.4g', named) END AS heading,
       at, sum(n) FILTER (WHERE place >= k) AS n_ip, sum(correct) FILTER (WHERE place >= k) AS ip_correct,
       sum(n) FILTER (WHERE place < k) AS n_oop, sum(correct) FILTER (WHERE place < k) AS oop_correct
FROM counted
JOIN splits USING (dataset_id, ip_oop_rule, scorer_id)
GROUP BY counted.dataset_id, counted.ip_oop_rule, counted.scorer_id, split_rule, label, domain_id, trial, k;

WITH buckets AS (
    SELECT section, label, domain_id, trial, run_id, k, heading, 'IP' AS bucket, 1.0 * ip_correct / n_ip AS score FROM base
    UNION ALL
    SELECT section, label, domain_id, trial, run_id, k, heading, 'OOP', 1.0 * oop_correct / n_oop FROM base
),
trials AS (
    SELECT section, label, trial, min(run_id) AS run_id, k, heading, bucket, avg(score) AS score
    FROM buckets
    GROUP BY section, label, trial, k, bucket
)
SELECT section, label || ': ' || bucket AS line, heading, k, avg(score) AS value, standard_error(score, :stderr) AS stderr,
       2 * min(run_id) + (bucket = 'OOP') AS row_order
FROM trials
GROUP BY section, label, k, bucket
UNION ALL
SELECT section, 'share of OOP images', heading, k, 1.0 * sum(n_oop) / (sum(coalesce(n_oop, 0)) + sum(coalesce(n_ip, 0))), NULL, 1e15
FROM (SELECT section, heading, k, domain_id, max(n_oop) AS n_oop, max(n_ip) AS n_ip FROM base GROUP BY section, k, domain_id)
GROUP BY section, k
ORDER BY section, row_order, k;

SELECT 'Over the domains inside each trial, then over trials; +/- standard error over trials. A domain without images of a'
       || ' bucket has no part in its mean. Middle: the rule''s own split; what the rule drops (low, high) stays dropped.'
WHERE EXISTS (SELECT 1 FROM base)
UNION ALL
SELECT 'Nothing has an alignment score yet: dgbench score gives them.'
WHERE NOT EXISTS (SELECT 1 FROM alignment WHERE score IS NOT NULL);
