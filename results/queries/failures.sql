-- title: Runs that are in no table, and why: failed, diverged, interrupted, still running
-- :experiment  only this experiment
-- :dataset     only this dataset
SELECT run_info.run_id AS run, run_info.experiment, run_info.dataset, run_info.method, run_info.held_out,
       run_info.trial, run_info.hparams_seed AS hparams, run_info.status, run_info.last_step AS step, run_info.steps,
       run_info.updated, run_info.message, environment.cpu
FROM run_info
JOIN run ON run.id = run_info.run_id
JOIN environment ON environment.id = run.environment_id
WHERE run_info.status <> 'done'
  AND (:experiment IS NULL OR run_info.experiment = :experiment)
  AND (:dataset IS NULL OR run_info.dataset = :dataset)
ORDER BY run_info.status, run_info.run_id;
