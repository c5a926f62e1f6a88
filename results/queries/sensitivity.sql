-- title: How much one hyper-parameter matters: accuracy of all runs over bins of its values, whichever were selected
-- :name=lr               the hyper-parameter, with or without "method."
-- :bins=5                at most so many bins; a value is never cut in two
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last}
-- :experiment            only this experiment
-- :dataset               only this dataset
SELECT experiment, dataset, method, min(value) AS low, max(value) AS high, count(*) AS runs,
       avg(validation_accuracy) AS validation_accuracy, avg(accuracy) AS accuracy, max(accuracy) AS best_accuracy
FROM (
    SELECT *, (place - 1) * min(:bins, max(place) OVER same) / max(place) OVER same AS bin
    FROM (
        SELECT candidate.experiment, dataset.name AS dataset, candidate.method, hparam.value,
               candidate.source_accuracy AS validation_accuracy,
               (SELECT avg(eval.accuracy) FROM eval
                JOIN run_domain ON run_domain.run_id = candidate.run_id AND run_domain.domain_id = eval.domain_id
                WHERE eval.checkpoint_id = candidate.checkpoint_id AND eval.split = 'in'
                  AND run_domain.role = 'held_out') AS accuracy,
               dense_rank() OVER (PARTITION BY candidate.experiment, candidate.dataset_id, candidate.method
                                  ORDER BY hparam.value) AS place
        FROM candidate
        JOIN dataset ON dataset.id = candidate.dataset_id
        JOIN hparam ON hparam.run_id = candidate.run_id AND hparam.name IN (:name, 'method.' || :name)
        WHERE candidate.rule = :rule AND candidate.reported
          AND (:experiment IS NULL OR candidate.experiment = :experiment)
          AND (:dataset IS NULL OR dataset.name = :dataset)
    )
    WINDOW same AS (PARTITION BY experiment, dataset, method)
)
GROUP BY experiment, dataset, method, bin
ORDER BY experiment, dataset, method, bin;
