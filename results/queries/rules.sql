-- title: What each selection rule would report, and how far apart they are: one row per method, held-out domain, trial
-- :experiment  only this experiment
-- :dataset     only this dataset
SELECT experiment, dataset, method, domain, trial,
       max(accuracy) FILTER (WHERE rule = 'training-domain') AS training_domain,
       max(accuracy) FILTER (WHERE rule = 'leave-one-domain-out') AS leave_one_domain_out,
       max(accuracy) FILTER (WHERE rule = 'oracle') AS oracle,
       max(accuracy) FILTER (WHERE rule = 'last') AS last,
       max(accuracy) - min(accuracy) AS spread,
       count(DISTINCT run_id) AS different_runs, count(DISTINCT checkpoint_id) AS different_checkpoints
FROM result
WHERE reported AND n_held_out = 1
  AND (:experiment IS NULL OR experiment = :experiment)
  AND (:dataset IS NULL OR dataset = :dataset)
GROUP BY experiment, dataset, split_rule, method, domain, trial
ORDER BY spread DESC, experiment, dataset, method, domain_position, trial;
