-- title: Its best checkpoints under the rule (the first is taken; on a tie the earliest)
SELECT trial, place, run, step, value
FROM (
    SELECT *, row_number() OVER (PARTITION BY trial ORDER BY value DESC, step) AS place
    FROM (
        SELECT chosen.trial, chosen.run_id AS run, checkpoint.step, checkpoint.source_accuracy AS value
        FROM chosen
        JOIN checkpoint ON checkpoint.run_id = chosen.run_id AND checkpoint.variant = chosen.variant
        WHERE :rule = 'training-domain' AND checkpoint.source_accuracy IS NOT NULL
        UNION ALL
        -- what view leave_one_domain_out does for all runs
        SELECT chosen.trial, chosen.run_id, own.step, avg(eval.accuracy)
        FROM chosen
        CROSS JOIN validation_pair ON validation_pair.run_id = chosen.run_id
                                  AND validation_pair.experiment = chosen.experiment
        CROSS JOIN checkpoint AS own ON own.run_id = chosen.run_id AND own.variant = chosen.variant
        CROSS JOIN checkpoint ON checkpoint.run_id = validation_pair.pair_run_id AND checkpoint.variant = own.variant
                             AND checkpoint.step = own.step
        CROSS JOIN main.eval ON eval.checkpoint_id = checkpoint.id AND eval.domain_id = validation_pair.domain_id
                       AND eval.split = 'in'
        WHERE :rule = 'leave-one-domain-out'
        GROUP BY chosen.trial, own.step
        HAVING count(*) = (SELECT count(*) - 1 FROM domain JOIN dataset ON dataset.id = domain.dataset_id
                           WHERE dataset.name = :dataset)
    )
)
WHERE place <= 3
ORDER BY trial, place;
