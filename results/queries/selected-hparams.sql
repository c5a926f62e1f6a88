-- title: Hyper-parameters behind every cell: those of the run that the rule selects, per held-out domain and trial
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last}
-- :experiment            only this experiment
-- :dataset               only this dataset
-- :method                only this method
-- :name                  only this hyper-parameter, with or without "method."
SELECT result.experiment, result.dataset, result.method, result.domain, result.trial, result.run_id AS run,
       result.hparams_seed AS hparams, result.n_runs AS chosen_from, hparam.name, hparam.value, result.accuracy
FROM result
JOIN hparam ON hparam.run_id = result.run_id
WHERE result.rule = :rule AND result.reported
  AND (:experiment IS NULL OR result.experiment = :experiment)
  AND (:dataset IS NULL OR result.dataset = :dataset)
  AND (:method IS NULL OR result.method = :method)
  AND (:name IS NULL OR hparam.name IN (:name, 'method.' || :name))
ORDER BY result.experiment, result.dataset, result.method, result.domain_position, result.trial, hparam.name;
