-- title: Runs left out
SELECT run.id AS run, substr(run.key, 1, 16) AS key, run.held_out, run.trial, run.hparams_seed AS draw, run.status,
       coalesce(run.message, CASE run.status WHEN 'done' THEN 'it has no value under this rule'
                                             ELSE 'it is not finished' END) AS why
FROM run
JOIN run_experiment ON run_experiment.run_id = run.id
JOIN dataset ON dataset.id = run.dataset_id
WHERE run_experiment.experiment = :experiment AND dataset.name = :dataset AND run.split_rule = :split
  AND run.method = :method
  AND ((run.held_out = :held_out
        AND (run.status <> 'done'
             OR run.id NOT IN (SELECT candidate.run_id FROM candidate
                               WHERE candidate.rule = :rule AND candidate.experiment = :experiment
                                 AND candidate.method = :method AND candidate.held_out = :held_out
                                 AND candidate.variant = :variant AND candidate.value IS NOT NULL)))
       OR (:rule = 'leave-one-domain-out' AND run.n_held_out = 2 AND run.status <> 'done'
           AND instr('+' || run.held_out || '+', '+' || :held_out || '+') > 0))
ORDER BY run.trial, run.hparams_seed, run.id;
