-- title: What an IP/OOP rule drops and how it splits the rest: images of each dataset and domain
-- base: yes
-- section: section
-- row: label
-- column: heading
-- value: value
-- unit: unit
-- row_order: row_order
-- column_order: column_order
-- :ip_oop_rule  only this rule (table ip_oop_rule); else every rule that fits a scorer
-- :scorer       only this scorer
-- :dataset      only this dataset
SELECT 'IP/OOP rule "' || cut.ip_oop_rule || '", scorer ' || scorer.name AS section, dataset.id AS dataset_id,
       dataset.name AS dataset, domain.name AS domain, domain.position AS domain_position, cut.low, cut.split, cut.high,
       count(*) AS n, sum(score < cut.low) AS n_low, sum(score > cut.high) AS n_high,
       sum(score >= cut.split AND score <= cut.high) AS n_ip, sum(score >= cut.low AND score < cut.split) AS n_oop
FROM ip_oop_cut AS cut
CROSS JOIN scorer ON scorer.id = cut.scorer_id
CROSS JOIN dataset ON dataset.id = cut.dataset_id
CROSS JOIN alignment ON alignment.scorer_id = scorer.id AND alignment.score IS NOT NULL
CROSS JOIN image ON image.id = alignment.image_id AND image.dataset_id = dataset.id
CROSS JOIN domain ON domain.id = image.domain_id
WHERE (:ip_oop_rule IS NULL OR cut.ip_oop_rule = :ip_oop_rule) AND (:scorer IS NULL OR scorer.name = :scorer)
  AND (:dataset IS NULL OR dataset.name = :dataset)
GROUP BY cut.ip_oop_rule, scorer.id, dataset.id, domain.id;

WITH lines AS (
    SELECT section, dataset AS label, 1000 * dataset_id AS row_order, low, split, high, sum(n) AS n, sum(n_low) AS n_low,
           sum(n_high) AS n_high, sum(n_ip) AS n_ip, sum(n_oop) AS n_oop
    FROM base
    GROUP BY section, dataset_id
    UNION ALL
    SELECT section, dataset || ': ' || domain, 1000 * dataset_id + 1 + domain_position, NULL, NULL, NULL, n, n_low, n_high, n_ip, n_oop
    FROM base
),
parts(part, heading, unit) AS (VALUES
    (0, 'images', 'count'), (1, 'below low', 'percent'), (2, 'above high', 'percent'), (3, 'IP', 'count'), (4, 'OOP', 'count'),
    (5, 'OOP share', 'percent'), (6, 'low', 'score'), (7, 'split', 'score'), (8, 'high', 'score'))
SELECT section, label, heading, unit, part AS column_order, row_order,
       CASE part WHEN 0 THEN n WHEN 1 THEN 1.0 * n_low / n WHEN 2 THEN 1.0 * n_high / n WHEN 3 THEN n_ip WHEN 4 THEN n_oop
                 WHEN 5 THEN 1.0 * n_oop / nullif(n_ip + n_oop, 0) WHEN 6 THEN low WHEN 7 THEN split ELSE high END AS value
FROM lines
CROSS JOIN parts
ORDER BY section, row_order, part;

SELECT 'Percent of the images that have a score: those below the cut "low" (taken for mislabelled) and above "high" (the label'
       || ' is written in the image) are dropped. OOP share: of what is left. The cuts are those of the dataset.'
WHERE EXISTS (SELECT 1 FROM base)
UNION ALL
SELECT dataset.name || ': ' || (n_images - n_scored) || ' of ' || n_images || ' images are not counted: no score by ' || scorer || ', or left out.'
FROM (
    SELECT dataset_id, scorer.name AS scorer, count(alignment.score) AS n_scored
    FROM scorer
    CROSS JOIN alignment ON alignment.scorer_id = scorer.id
    CROSS JOIN image ON image.id = alignment.image_id
    WHERE scorer.run_id IS NULL AND (:scorer IS NULL OR scorer.name = :scorer)
    GROUP BY scorer.id, dataset_id
)
JOIN dataset ON dataset.id = dataset_id
WHERE n_scored < n_images AND (:dataset IS NULL OR dataset.name = :dataset)
UNION ALL
SELECT 'Nothing has an alignment score yet: dgbench score gives them.'
WHERE NOT EXISTS (SELECT 1 FROM alignment WHERE score IS NOT NULL);
