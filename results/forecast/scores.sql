-- Images of the domain :domain_id that no run held out.
SELECT score, 0.0 AS correct, 1.0 AS weight, 0 AS n, zero_shot_class_id = class_id AS zero_shot
FROM image
CROSS JOIN alignment ON alignment.image_id = image.id AND alignment.scorer_id = :scorer_id
WHERE image.domain_id = :domain_id AND score IS NOT NULL
ORDER BY score, image.id;
