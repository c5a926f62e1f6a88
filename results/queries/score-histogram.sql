-- title: How many images of each domain have which alignment score, in bins of one width, and where a rule cuts
-- :bins=40      from the lowest to the highest score of the dataset
-- :ip_oop_rule  only this rule (table ip_oop_rule); else every rule that fits the scorer
-- :scorer       only this scorer
-- :dataset      only this dataset
WITH scored AS MATERIALIZED (
    SELECT image.dataset_id, image.domain_id, scorer.id AS scorer_id, scorer.name AS scorer, alignment.score,
           min(score) OVER same AS lowest, max(score) OVER same AS highest
    FROM scorer
    CROSS JOIN alignment ON alignment.scorer_id = scorer.id
    CROSS JOIN image ON image.id = alignment.image_id
    WHERE scorer.run_id IS NULL AND alignment.score IS NOT NULL AND (:scorer IS NULL OR scorer.name = :scorer)
    WINDOW same AS (PARTITION BY scorer.id, image.dataset_id)
),
binned AS (
    SELECT *, min(CAST((score - lowest) / (highest - lowest) * :bins AS INTEGER), :bins - 1) AS bin
    FROM scored
    WHERE highest > lowest
),
counted AS MATERIALIZED (
    SELECT dataset_id, domain_id, scorer_id, scorer, lowest, highest, bin, count(*) AS n
    FROM binned
    GROUP BY scorer_id, domain_id, bin
)
SELECT dataset.name AS dataset, scorer, ip_oop_cut.ip_oop_rule, low, split, high, domain.name AS domain,
       lowest + (highest - lowest) * bin / :bins AS bin_low, lowest + (highest - lowest) * (bin + 1) / :bins AS bin_high, n
FROM counted
JOIN dataset ON dataset.id = counted.dataset_id
JOIN domain ON domain.id = counted.domain_id
LEFT JOIN ip_oop_cut ON ip_oop_cut.scorer_id = counted.scorer_id AND ip_oop_cut.dataset_id = counted.dataset_id
                    AND (:ip_oop_rule IS NULL OR ip_oop_cut.ip_oop_rule = :ip_oop_rule)
WHERE :dataset IS NULL OR dataset.name = :dataset
ORDER BY dataset.name, scorer, ip_oop_cut.ip_oop_rule, domain.position, bin;
