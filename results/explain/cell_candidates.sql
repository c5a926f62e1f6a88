-- title: The best runs of each trial under the rule (the first is taken; on a tie the later draw)
SELECT trial, place, run, key, draw, step, value, of_runs
FROM (
    SELECT candidate.trial, candidate.run_id AS run, substr(run.key, 1, 16) AS key, candidate.hparams_seed AS draw,
           candidate.step, candidate.value, count(*) OVER (PARTITION BY candidate.trial) AS of_runs,
           row_number() OVER (PARTITION BY candidate.trial
                              ORDER BY candidate.value DESC, candidate.hparams_seed DESC, candidate.run_id DESC) AS place
    FROM candidate
    JOIN run ON run.id = candidate.run_id
    JOIN dataset ON dataset.id = candidate.dataset_id
    WHERE candidate.rule = :rule AND candidate.experiment = :experiment AND candidate.variant = :variant
      AND candidate.method = :method AND candidate.held_out = :held_out AND candidate.split_rule = :split
      AND dataset.name = :dataset AND candidate.trial IN (SELECT trial FROM chosen)
)
WHERE of_runs > 1 AND place <= 3
ORDER BY trial, place;
