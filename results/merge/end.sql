-- Merging, part 3 of 3, one transaction: image-text alignment, reviewed lists, forecasts. A scorer is the same when its name and all that it is made
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

-- Reviewed lists go by name, as a whole.
INSERT INTO temp.note
SELECT printf('exclusion "%s" is another list there (%s) than here (%s), which stays', theirs.name, theirs.source,
              ours.source), 1
FROM source.exclusion AS theirs
JOIN main.exclusion AS ours ON ours.name = theirs.name
WHERE EXISTS (
        SELECT (SELECT new FROM temp.image_map WHERE old = image_id), verdict
        FROM source.exclusion_image WHERE exclusion_id = theirs.id
        EXCEPT SELECT image_id, verdict FROM main.exclusion_image WHERE exclusion_id = ours.id)
   OR (SELECT count(*) FROM source.exclusion_image WHERE exclusion_id = theirs.id)
      <> (SELECT count(*) FROM main.exclusion_image WHERE exclusion_id = ours.id)
ORDER BY theirs.id;

CREATE TEMP TABLE exclusion_new AS
SELECT id AS old, name FROM source.exclusion WHERE name NOT IN (SELECT name FROM main.exclusion);

INSERT INTO main.exclusion (name, source, stored)
SELECT name, source, stored FROM source.exclusion WHERE id IN (SELECT old FROM temp.exclusion_new) ORDER BY id;

INSERT INTO main.exclusion_image (exclusion_id, image_id, verdict, reason)
SELECT (SELECT id FROM main.exclusion WHERE exclusion.name = exclusion_new.name),
       (SELECT new FROM temp.image_map WHERE old = image_id), verdict, reason
FROM temp.exclusion_new
CROSS JOIN source.exclusion_image ON exclusion_id = exclusion_new.old;

DROP TABLE temp.exclusion_new;

-- Forecasts that are not here; those that are may be of other runs, and stay until dgbench forecast is run again.
INSERT INTO main.forecast (experiment, dataset_id, split_rule, method, variant, rule, scored, scorer_id, domain_id, calibration,
                           feature, exclusion, n_sources, n_outcomes, n_images, predicted, low, high, fit_low, fit_high, actual, error,
                           n_trials, source_accuracy, zero_shot_accuracy, made)
SELECT experiment, dataset_map.new, split_rule, method, variant, rule, scored, scorer_map.new,
       (SELECT new FROM temp.domain_map WHERE old = domain_id), calibration, feature, exclusion, n_sources, n_outcomes, n_images,
       predicted, low, high, fit_low, fit_high, actual, error, n_trials, source_accuracy, zero_shot_accuracy, made
FROM source.forecast
JOIN temp.scorer_map ON scorer_map.old = scorer_id
JOIN temp.dataset_map ON dataset_map.old = dataset_id
WHERE true
ORDER BY forecast.id
ON CONFLICT DO NOTHING;

-- Cells of studies. Machines differ in the last digits, which grow on the way: a thousandth is far above that.
INSERT INTO temp.note
SELECT printf('%s, %s: %d cell%s there than here, which stay', study, problem, count(*),
              CASE count(*) WHEN 1 THEN ' is another one' ELSE 's are others' END), 1
FROM source.study_cell AS theirs
JOIN main.study_cell AS ours USING (study, problem, parameterisation, input_std, optimizer, lr, seed)
WHERE (theirs.diverged_at IS NULL) <> (ours.diverged_at IS NULL)
   OR abs(theirs.loss - ours.loss) > 1e-3 * abs(ours.loss)
GROUP BY study, problem;

CREATE TEMP TABLE study_cell_new AS
SELECT theirs.id AS old
FROM source.study_cell AS theirs
LEFT JOIN main.study_cell AS ours USING (study, problem, parameterisation, input_std, optimizer, lr, seed)
WHERE ours.id IS NULL;

INSERT INTO main.study_cell (study, problem, parameterisation, input_std, optimizer, lr, seed, n_parameters, floor, floor_rank,
                             first_loss, loss, best_loss, diverged_at, curvature, sharp_gradient, learned_curvature,
                             learned_sharp_gradient, seconds, environment_id, made)
SELECT study, problem, parameterisation, input_std, optimizer, lr, seed, n_parameters, floor, floor_rank, first_loss, loss,
       best_loss, diverged_at, curvature, sharp_gradient, learned_curvature, learned_sharp_gradient, seconds,
       (SELECT new FROM temp.environment_map WHERE environment_map.old = environment_id), made
FROM temp.study_cell_new
JOIN source.study_cell ON study_cell.id = study_cell_new.old
ORDER BY study_cell_new.old;

INSERT INTO main.study_step (cell_id, step, loss, effective_rank, gradient_norm, gradient_cosine)
SELECT ours.id, step, study_step.loss, effective_rank, gradient_norm, gradient_cosine
FROM temp.study_cell_new
JOIN source.study_cell AS theirs ON theirs.id = study_cell_new.old
JOIN main.study_cell AS ours USING (study, problem, parameterisation, input_std, optimizer, lr, seed)
JOIN source.study_step ON study_step.cell_id = theirs.id;

DROP TABLE temp.study_cell_new;
