-- Merging, part 3 of 3, one transaction: image-text alignment. A scorer is the same when its name and all that it is made
-- of are; one that belongs to a run comes along only when the numbers of that run here are those of the source.

INSERT INTO temp.note
SELECT printf('scorer "%s" is another one there (%s, weights %s, "%s") than here (%s, weights %s, "%s"), which stays',
              theirs.name, theirs.model, theirs.weights, theirs.template, ours.model, ours.weights, ours.template), 1
FROM source.scorer AS theirs
JOIN main.scorer AS ours ON ours.name = theirs.name
WHERE (theirs.model, theirs.weights, theirs.template, theirs.preprocessing) <>
      (ours.model, ours.weights, ours.template, ours.preprocessing)
ORDER BY theirs.id;

INSERT INTO main.scorer (name, model, weights, template, preprocessing, run_id)
SELECT theirs.name, model, weights, template, preprocessing,
       (SELECT run.id FROM source.run AS their_run JOIN main.run USING (key) WHERE their_run.id = theirs.run_id)
FROM source.scorer AS theirs
WHERE theirs.run_id IS NULL OR theirs.run_id NOT IN (SELECT old FROM temp.not_taken)
ORDER BY theirs.id
ON CONFLICT DO NOTHING;

INSERT INTO temp.scorer_map
SELECT theirs.id, ours.id
FROM source.scorer AS theirs
JOIN main.scorer AS ours USING (name, model, weights, template, preprocessing)
WHERE theirs.run_id IS NULL OR theirs.run_id NOT IN (SELECT old FROM temp.not_taken);

INSERT INTO main.class_prompt (scorer_id, class_id, prompt)
SELECT scorer_map.new, (SELECT new FROM temp.class_map WHERE old = class_id), prompt
FROM temp.scorer_map
CROSS JOIN source.class_prompt ON scorer_id = scorer_map.old
WHERE true
ON CONFLICT DO NOTHING;

-- Machines differ in the last digits of a cosine: 1e-4 is far above that, and far below what moves a bucket.
INSERT INTO temp.note
SELECT printf('scorer "%s": %d image score%s there than here, which stay', scorer.name, count(*),
              CASE count(*) WHEN 1 THEN ' is another one' ELSE 's are others' END), 1
FROM temp.scorer_map
CROSS JOIN main.scorer ON scorer.id = scorer_map.new
CROSS JOIN source.alignment AS theirs ON theirs.scorer_id = scorer_map.old
CROSS JOIN main.alignment AS ours ON ours.scorer_id = scorer_map.new
    AND ours.image_id = (SELECT new FROM temp.image_map WHERE old = theirs.image_id)
WHERE abs(theirs.score - ours.score) > 1e-4 OR abs(theirs.similarity - ours.similarity) > 1e-4
GROUP BY scorer.id;

INSERT INTO main.alignment (scorer_id, image_id, score, zero_shot_class_id, similarity, rank, zero_shot_score, nearest)
SELECT scorer_map.new, (SELECT new FROM temp.image_map WHERE old = image_id), score,
       (SELECT new FROM temp.class_map WHERE old = zero_shot_class_id), similarity, rank, zero_shot_score, nearest
FROM temp.scorer_map
CROSS JOIN source.alignment ON scorer_id = scorer_map.old
WHERE true
ON CONFLICT DO UPDATE SET score = coalesce(score, excluded.score),
    zero_shot_class_id = coalesce(zero_shot_class_id, excluded.zero_shot_class_id),
    similarity = coalesce(similarity, excluded.similarity), rank = coalesce(rank, excluded.rank),
    zero_shot_score = coalesce(zero_shot_score, excluded.zero_shot_score), nearest = coalesce(nearest, excluded.nearest);
