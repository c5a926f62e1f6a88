-- title: Confidence against accuracy on the held-out domains, in ten bins of confidence
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last}
-- :experiment            only this experiment
-- :dataset               only this dataset
-- :method                only this method
SELECT selected.experiment, dataset.name AS dataset, selected.method,
       min(CAST(outcome.confidence * 10 AS INTEGER), 9) / 10.0 AS bin_low, count(*) AS n,
       avg(outcome.confidence) AS confidence, avg(outcome.predicted_class_id = image.class_id) AS accuracy,
       avg(outcome.confidence) - avg(outcome.predicted_class_id = image.class_id) AS overconfidence
FROM selected
JOIN dataset ON dataset.id = selected.dataset_id
CROSS JOIN outcome ON outcome.checkpoint_id = selected.checkpoint_id
CROSS JOIN image ON image.id = outcome.image_id
CROSS JOIN run_domain ON run_domain.run_id = selected.run_id AND run_domain.domain_id = image.domain_id
                     AND run_domain.role = 'held_out'
WHERE selected.rule = :rule AND selected.reported AND selected.n_held_out = 1 AND outcome.confidence IS NOT NULL
  AND (:experiment IS NULL OR selected.experiment = :experiment)
  AND (:dataset IS NULL OR dataset.name = :dataset)
  AND (:method IS NULL OR selected.method = :method)
GROUP BY selected.experiment, dataset.id, selected.method, bin_low
ORDER BY selected.experiment, dataset.name, selected.method, bin_low;
