-- Selected runs and the domains that they held out, which have predictions to learn from: kept as the table base.
-- :rule        {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :scored      {in|out|whole} what is scored; else as each experiment says
-- :experiment  only this experiment
-- :dataset     only this dataset
-- :method      only this method
-- :scorer      alignment by this scorer only
-- :feature=score  {score|margin} what the calibration is a function of
SELECT result.experiment, result.dataset, dataset.id AS dataset_id, result.split_rule, result.method, result.variant,
       result.rule, :scored AS scored, result.n_held_out, domain.id AS domain_id, result.trial, result.run_id,
       result.checkpoint_id
FROM result
JOIN dataset ON dataset.name = result.dataset
JOIN domain ON domain.dataset_id = dataset.id AND domain.name = result.domain
WHERE result.rule = :rule AND result.reported
  AND (:dataset IS NULL OR result.dataset = :dataset)
  AND (:method IS NULL OR result.method = :method)
  AND result.experiment IN (SELECT value FROM json_each(:experiments))
  AND EXISTS (SELECT 1 FROM outcome WHERE outcome.checkpoint_id = result.checkpoint_id);

-- The rows of one table of forecasts: what shares its runs, and a scorer.
SELECT experiment, dataset_id, split_rule, method, variant, rule, scored, scorer.id AS scorer_id,
       :feature AS feature
FROM base
JOIN scorer ON scorer.run_id IS NULL AND (:scorer IS NULL OR scorer.name = :scorer)
WHERE EXISTS (SELECT 1 FROM image CROSS JOIN alignment ON alignment.image_id = image.id AND alignment.scorer_id = scorer.id
              WHERE image.dataset_id = base.dataset_id
                AND CASE :feature WHEN 'margin' THEN alignment.score - alignment.zero_shot_score
                    ELSE alignment.score END IS NOT NULL)
GROUP BY experiment, dataset_id, split_rule, method, variant, scorer.id
ORDER BY min(base.run_id), scorer.id;
