-- title: Accuracy per class on the held-out domains, worst first: images of all trials' selected runs together
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last}
-- :experiment            only this experiment
-- :dataset               only this dataset
-- :method                only this method
SELECT selected.experiment, dataset.name AS dataset, selected.method, domain.name AS domain, class.name AS class,
       count(*) AS n, avg(outcome.predicted_class_id = image.class_id) AS accuracy,
       avg(outcome.confidence) AS confidence, count(DISTINCT selected.run_id) AS runs
FROM selected
JOIN dataset ON dataset.id = selected.dataset_id
CROSS JOIN outcome ON outcome.checkpoint_id = selected.checkpoint_id
CROSS JOIN image ON image.id = outcome.image_id
CROSS JOIN run_domain ON run_domain.run_id = selected.run_id AND run_domain.domain_id = image.domain_id
                     AND run_domain.role = 'held_out'
CROSS JOIN domain ON domain.id = image.domain_id
CROSS JOIN class ON class.id = image.class_id
WHERE selected.rule = :rule AND selected.reported AND selected.n_held_out = 1
  AND (:experiment IS NULL OR selected.experiment = :experiment)
  AND (:dataset IS NULL OR dataset.name = :dataset)
  AND (:method IS NULL OR selected.method = :method)
GROUP BY selected.experiment, dataset.id, selected.method, domain.id, class.id
ORDER BY selected.experiment, dataset.name, selected.method, domain.position, accuracy, class.position;
