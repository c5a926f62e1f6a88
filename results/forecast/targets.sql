-- Domains of the dataset :dataset_id with scores, and whether all others with predictions have them by runs that never saw
-- the domain.
SELECT domain.id AS domain_id,
       NOT EXISTS (
           SELECT 1 FROM base AS other
           WHERE other.experiment = :experiment AND other.dataset_id = :dataset_id AND other.split_rule = :split_rule
             AND other.method = :method AND other.variant = :variant AND other.n_held_out = 1
             AND other.domain_id <> domain.id
             AND NOT EXISTS (
                 SELECT 1 FROM base AS blind
                 WHERE blind.experiment = :experiment AND blind.dataset_id = :dataset_id
                   AND blind.split_rule = :split_rule AND blind.method = :method AND blind.variant = :variant
                   AND blind.domain_id = other.domain_id
                   AND NOT EXISTS (SELECT 1 FROM run_domain WHERE run_domain.run_id = blind.run_id
                                      AND run_domain.domain_id = domain.id AND role = 'source'))) AS unseen
FROM domain
WHERE domain.dataset_id = :dataset_id
  AND EXISTS (SELECT 1 FROM image CROSS JOIN alignment ON alignment.image_id = image.id AND alignment.scorer_id = :scorer_id
              WHERE image.domain_id = domain.id
                AND CASE :feature WHEN 'margin' THEN alignment.score - alignment.zero_shot_score
                    ELSE alignment.score END IS NOT NULL)
ORDER BY domain.position;
