-- title: Zero-shot accuracy, mean alignment and IP/OOP counts per domain, for every scorer and dataset
-- :scorer   only this scorer
-- :dataset  only this dataset (name or fingerprint)
-- :rule     the IP/OOP rule that cuts; default where that fits the scorer, else median
WITH cut AS (
    SELECT scorer_id, dataset_id, ip_oop_rule, low, split, high,
           row_number() OVER (PARTITION BY scorer_id, dataset_id ORDER BY ip_oop_rule <> 'default') AS place
    FROM ip_oop_cut
    WHERE CASE WHEN :rule IS NULL THEN ip_oop_rule IN ('default', 'median') ELSE ip_oop_rule = :rule END
)
SELECT scorer.name AS scorer, dataset.name AS dataset, domain.name AS domain, count(*) AS images,
       avg(alignment.zero_shot_class_id = image.class_id) AS zero_shot,
       1.0 / (SELECT count(*) FROM class WHERE class.dataset_id = dataset.id) AS chance, avg(alignment.score) AS score,
       avg(alignment.similarity) AS similarity, cut.ip_oop_rule AS rule, sum(alignment.score < cut.low) AS low,
       sum(alignment.score >= cut.low AND alignment.score < cut.split) AS oop,
       sum(alignment.score >= cut.split AND alignment.score <= cut.high) AS ip,
       sum(alignment.score > cut.high) AS high
FROM scorer
CROSS JOIN alignment ON alignment.scorer_id = scorer.id
CROSS JOIN image ON image.id = alignment.image_id
CROSS JOIN domain ON domain.id = image.domain_id
CROSS JOIN dataset ON dataset.id = image.dataset_id
LEFT JOIN cut ON cut.scorer_id = scorer.id AND cut.dataset_id = dataset.id AND cut.place = 1
WHERE (:scorer IS NULL OR scorer.name = :scorer)
  AND (:dataset IS NULL OR dataset.name = :dataset OR dataset.fingerprint = :dataset)
GROUP BY scorer.id, domain.id
ORDER BY scorer.name, dataset.name, domain.position;
