-- title: Every run: what it held out, how it ended, what it scored
-- :experiment  only this experiment
-- :dataset     only this dataset
-- :status      {running|done|failed|diverged|interrupted} only these
SELECT run_info.run_id AS run, run_info.experiment, run_info.dataset, run_info.method, run_info.held_out,
       run_info.trial, run_info.hparams_seed AS hparams, run_info.status, run_info.last_step AS step,
       round(100 * result.validation_accuracy, 1) AS validation_percent,
       round(100 * result.accuracy, 1) AS held_out_percent,
       run_info.started, run_info.message
FROM run_info
LEFT JOIN candidate ON candidate.run_id = run_info.run_id AND candidate.experiment = run_info.experiment
                   AND candidate.rule = 'training-domain'
                   AND candidate.variant = run_info.variant AND candidate.experiment = run_info.experiment
LEFT JOIN (
    SELECT checkpoint.id AS checkpoint_id, checkpoint.source_accuracy AS validation_accuracy,
           (SELECT avg(accuracy) FROM eval
            JOIN run_domain ON run_domain.run_id = checkpoint.run_id AND run_domain.domain_id = eval.domain_id
            WHERE eval.checkpoint_id = checkpoint.id AND eval.split = 'in' AND run_domain.role = 'held_out')
               AS accuracy
    FROM checkpoint
) AS result ON result.checkpoint_id = candidate.checkpoint_id
WHERE (:experiment IS NULL OR run_info.experiment = :experiment)
  AND (:dataset IS NULL OR run_info.dataset = :dataset)
  AND (:status IS NULL OR run_info.status = :status)
ORDER BY run_info.run_id;
