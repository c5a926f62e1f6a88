-- Images of the domain :domain_id with their score and what runs that held it out said: each trial weighs the same, and in
-- it each image. :target: the domain that these runs must not have trained on; NULL: any. :single: only runs that held out
-- this domain alone.
WITH told AS (
    SELECT outcome.image_id, outcome.predicted_class_id, 1.0 / count(*) OVER (PARTITION BY checkpoint_id) AS weight
    FROM base
    CROSS JOIN outcome USING (checkpoint_id)
    CROSS JOIN image ON image.id = outcome.image_id AND image.domain_id = :domain_id
    CROSS JOIN alignment ON alignment.image_id = image.id AND alignment.scorer_id = :scorer_id
    WHERE base.experiment = :experiment AND base.dataset_id = :dataset_id AND base.split_rule = :split_rule
      AND base.method = :method AND base.variant = :variant AND base.domain_id = :domain_id
      AND (outcome.split = :scored OR :scored = 'whole')
      AND CASE :feature WHEN 'margin' THEN alignment.score - alignment.zero_shot_score ELSE alignment.score END IS NOT NULL
      AND (NOT :single OR base.n_held_out = 1)
      AND (:target IS NULL OR NOT EXISTS (SELECT 1 FROM run_domain
                                             WHERE run_domain.run_id = base.run_id AND domain_id = :target AND role = 'source'))
)
SELECT CASE :feature WHEN 'margin' THEN min(alignment.score - alignment.zero_shot_score, 0.0)
                     ELSE alignment.score END AS x,
       total(weight) FILTER (WHERE predicted_class_id = image.class_id) / sum(weight) AS correct,
       sum(weight) AS weight, count(*) AS n, alignment.zero_shot_class_id = image.class_id AS zero_shot
FROM told
CROSS JOIN image ON image.id = told.image_id
CROSS JOIN alignment ON alignment.image_id = image.id AND alignment.scorer_id = :scorer_id
GROUP BY image.id
ORDER BY x, image.id;
