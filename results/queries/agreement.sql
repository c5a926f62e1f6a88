-- title: How often two trials of a method say the same about an image of the held-out domain
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last}
-- :experiment            only this experiment
-- :dataset               only this dataset
SELECT one.experiment, dataset.name AS dataset, one.method, domain.name AS domain, one.trial AS trial_a,
       other.trial AS trial_b, count(*) AS n, avg(a.predicted_class_id = b.predicted_class_id) AS agree,
       avg(a.predicted_class_id = image.class_id AND b.predicted_class_id = image.class_id) AS both_right,
       avg(a.predicted_class_id = b.predicted_class_id AND a.predicted_class_id <> image.class_id) AS same_mistake
FROM selected AS one
JOIN selected AS other ON other.rule = one.rule AND other.experiment = one.experiment
                      AND other.dataset_id = one.dataset_id AND other.split_rule = one.split_rule
                      AND other.method = one.method AND other.held_out = one.held_out
                      AND other.variant = one.variant AND other.trial > one.trial
JOIN dataset ON dataset.id = one.dataset_id
CROSS JOIN run_domain ON run_domain.run_id = one.run_id AND run_domain.role = 'held_out'
CROSS JOIN domain ON domain.id = run_domain.domain_id
CROSS JOIN outcome AS a ON a.checkpoint_id = one.checkpoint_id
CROSS JOIN outcome AS b ON b.checkpoint_id = other.checkpoint_id AND b.image_id = a.image_id
CROSS JOIN image ON image.id = a.image_id AND image.domain_id = domain.id
WHERE one.rule = :rule AND one.reported
  AND (:experiment IS NULL OR one.experiment = :experiment)
  AND (:dataset IS NULL OR dataset.name = :dataset)
GROUP BY one.experiment, dataset.id, one.split_rule, one.method, domain.id, one.held_out, one.trial, other.trial
ORDER BY one.experiment, dataset.name, one.method, domain.position, one.trial, other.trial;
