-- Images of the domain :domain_id that no run held out.
SELECT CASE :feature WHEN 'margin' THEN min(score - zero_shot_score, 0.0) ELSE score END AS x,
       0.0 AS correct, 1.0 AS weight, 0 AS n, zero_shot_class_id = class_id AS zero_shot
FROM image
CROSS JOIN alignment ON alignment.image_id = image.id AND alignment.scorer_id = :scorer_id
WHERE image.domain_id = :domain_id
  AND CASE :feature WHEN 'margin' THEN score - zero_shot_score ELSE score END IS NOT NULL
ORDER BY x, image.id;
