-- title: Every selected number: one row per method, held-out domain and trial
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last}
-- :experiment            only this experiment
-- :dataset               only this dataset
-- :variant               these weights (raw, sma, ...); else those that each method reports
SELECT experiment, dataset, method, held_out, domain, trial, variant, accuracy, out_accuracy, whole_accuracy,
       validation_accuracy, run_id AS run, step, hparams_seed AS hparams, n_runs
FROM result
WHERE rule = :rule
  AND (:experiment IS NULL OR experiment = :experiment)
  AND (:dataset IS NULL OR dataset = :dataset)
  AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
ORDER BY experiment, dataset, run_id, domain_position;
