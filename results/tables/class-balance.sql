-- title: Classes among in-pretraining (IP) and out-of-pretraining (OOP) images
-- base: yes
-- section: section
-- row: class
-- column: heading
-- value: value
-- unit: unit
-- row_order: row_order
-- column_order: part
-- :ip_oop_rule  only this rule (table ip_oop_rule); else every rule that fits a scorer
-- :scorer       only this scorer
-- :dataset      only this dataset
-- :domain       only this domain; else all of the dataset together
SELECT 'IP/OOP rule "' || cut.ip_oop_rule || '", scorer ' || scorer.name || '; ' || dataset.name || coalesce(', ' || :domain, '') AS section,
       class.name AS class, class.position AS row_order,
       sum(score >= cut.split AND score <= cut.high) AS n_ip, sum(score >= cut.low AND score < cut.split) AS n_oop
FROM ip_oop_cut AS cut
CROSS JOIN scorer ON scorer.id = cut.scorer_id
CROSS JOIN dataset ON dataset.id = cut.dataset_id
CROSS JOIN alignment ON alignment.scorer_id = scorer.id AND alignment.score IS NOT NULL
CROSS JOIN image ON image.id = alignment.image_id AND image.dataset_id = dataset.id
CROSS JOIN domain ON domain.id = image.domain_id
CROSS JOIN class ON class.id = image.class_id
WHERE (:ip_oop_rule IS NULL OR cut.ip_oop_rule = :ip_oop_rule) AND (:scorer IS NULL OR scorer.name = :scorer)
  AND (:dataset IS NULL OR dataset.name = :dataset) AND (:domain IS NULL OR domain.name = :domain)
GROUP BY cut.ip_oop_rule, scorer.id, dataset.id, class.id;

WITH parts(part, heading, unit) AS (VALUES
    (0, 'IP', 'count'), (1, 'OOP', 'count'), (2, 'OOP share', 'percent'), (3, 'of all IP', 'percent'), (4, 'of all OOP', 'percent')),
totals AS (SELECT section, sum(n_ip) AS ip, sum(n_oop) AS oop FROM base GROUP BY section)
SELECT section, class, row_order, heading, unit, part,
       CASE part WHEN 0 THEN n_ip WHEN 1 THEN n_oop WHEN 2 THEN 1.0 * n_oop / nullif(n_ip + n_oop, 0)
                 WHEN 3 THEN 1.0 * n_ip / nullif(ip, 0) ELSE 1.0 * n_oop / nullif(oop, 0) END AS value
FROM base
JOIN totals USING (section)
CROSS JOIN parts
ORDER BY section, row_order, part;

SELECT section || ': the classes of IP and of OOP images differ by ' || printf('%.1f', 50 * sum(abs(
           1.0 * n_ip / nullif((SELECT sum(n_ip) FROM base AS all_of WHERE all_of.section = base.section), 0)
           - 1.0 * n_oop / nullif((SELECT sum(n_oop) FROM base AS all_of WHERE all_of.section = base.section), 0))))
       || ' % (total variation: the share of images that would have to change their class).'
FROM base
GROUP BY section
UNION ALL
SELECT 'Nothing has an alignment score yet: dgbench score gives them.'
WHERE NOT EXISTS (SELECT 1 FROM alignment WHERE score IS NOT NULL);
