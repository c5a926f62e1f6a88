-- title: Images that look wrongly labelled: low alignment, and runs that agree on another class (dgbench audit)
-- :dataset               of this dataset
-- :scorer                alignment by this scorer; without: runs only
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last}
-- :experiment            runs of this experiment only
-- :limit=200             how many
-- suspicion = (1 - percentile) * agreement. percentile: fraction of the domain's images with a lower alignment. agreement:
-- over the runs that held the image's domain out, the sum of the confidences of those that predict the one other class
-- with the largest such sum, divided by all of them: 1 when every run is sure of the same other class. A factor that
-- nothing is known of (no scorer, no run) is left out; an image that lacks one which others have is not ranked.
WITH looked AS (SELECT id FROM dataset WHERE name = :dataset),
chosen AS MATERIALIZED (
    SELECT DISTINCT checkpoint_id
    FROM selected
    WHERE rule = :rule AND reported AND dataset_id = (SELECT id FROM looked)
      AND (:experiment IS NULL OR experiment = :experiment)
),
vote AS MATERIALIZED (
    SELECT image_id, predicted_class_id, count(*) AS n, total(confidence) AS confidence
    FROM chosen
    CROSS JOIN outcome USING (checkpoint_id)
    GROUP BY image_id, predicted_class_id
),
voted AS MATERIALIZED (
    SELECT image_id, sum(n) AS n_runs, sum(n) FILTER (WHERE is_other) AS n_wrong,
           max(confidence) FILTER (WHERE is_other AND place = 1) AS confidence,
           max(n) FILTER (WHERE is_other AND place = 1) AS n_agreeing,
           max(predicted_class_id) FILTER (WHERE is_other AND place = 1) AS class_id
    FROM (
        SELECT vote.*, predicted_class_id <> image.class_id AS is_other,
               row_number() OVER (PARTITION BY image_id, predicted_class_id <> image.class_id
                                  ORDER BY confidence DESC, predicted_class_id) AS place
        FROM vote
        JOIN image ON image.id = image_id
    )
    GROUP BY image_id
),
scored AS MATERIALIZED (
    SELECT image_id, score, rank AS zero_shot_rank, zero_shot_class_id,
           (rank() OVER (PARTITION BY domain_id ORDER BY score) - 1.0) / count(*) OVER (PARTITION BY domain_id) AS percentile
    FROM alignment
    JOIN image ON image.id = image_id
    WHERE scorer_id = (SELECT id FROM scorer WHERE name = :scorer) AND score IS NOT NULL
      AND dataset_id = (SELECT id FROM looked)
)
SELECT image.path, domain.name AS domain, class.name AS class, coalesce(voted_class.name,
           CASE WHEN zero_shot.id <> image.class_id THEN zero_shot.name END) AS suggested,
       coalesce(1 - percentile, 1) * CASE WHEN n_runs IS NULL THEN 1 ELSE coalesce(confidence, 0) / n_runs END AS suspicion,
       score AS alignment, percentile, zero_shot.name AS zero_shot, zero_shot_rank, coalesce(n_runs, 0) AS runs,
       coalesce(n_wrong, 0) AS wrong, coalesce(n_agreeing, 0) AS agreeing, confidence / n_agreeing AS confidence,
       image.position, count(*) OVER () AS n_ranked
FROM image
JOIN domain ON domain.id = image.domain_id
JOIN class ON class.id = image.class_id
LEFT JOIN voted ON voted.image_id = image.id
LEFT JOIN scored ON scored.image_id = image.id
LEFT JOIN class AS voted_class ON voted_class.id = voted.class_id
LEFT JOIN class AS zero_shot ON zero_shot.id = scored.zero_shot_class_id
WHERE image.dataset_id = (SELECT id FROM looked)
  AND (voted.image_id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM voted))
  AND (scored.image_id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM scored))
  AND (voted.image_id IS NOT NULL OR scored.image_id IS NOT NULL)
ORDER BY suspicion DESC, percentile, image.id
LIMIT :limit;
