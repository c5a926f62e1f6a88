-- title: Images that most of the selected runs get wrong when their domain is held out
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last}
-- :experiment            only this experiment
-- :dataset               only this dataset
-- :method                only this method
-- :limit=20              how many
SELECT dataset.name AS dataset, domain.name AS domain, image.path, class.name AS class, count(*) AS runs,
       sum(outcome.predicted_class_id <> image.class_id) AS wrong,
       avg(outcome.confidence) FILTER (WHERE outcome.predicted_class_id <> image.class_id) AS confidence_when_wrong
FROM selected
JOIN dataset ON dataset.id = selected.dataset_id
CROSS JOIN outcome ON outcome.checkpoint_id = selected.checkpoint_id
CROSS JOIN image ON image.id = outcome.image_id
CROSS JOIN run_domain ON run_domain.run_id = selected.run_id AND run_domain.domain_id = image.domain_id
                     AND run_domain.role = 'held_out'
CROSS JOIN domain ON domain.id = image.domain_id
CROSS JOIN class ON class.id = image.class_id
WHERE selected.rule = :rule AND selected.reported
  AND (:experiment IS NULL OR selected.experiment = :experiment)
  AND (:dataset IS NULL OR dataset.name = :dataset)
  AND (:method IS NULL OR selected.method = :method)
GROUP BY image.id
HAVING wrong > 0
ORDER BY wrong * 1.0 / count(*) DESC, wrong DESC, confidence_when_wrong DESC, image.id
LIMIT :limit;
