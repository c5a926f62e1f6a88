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
        SELECT chosen.trial, chosen.run_id, validated.step, validated.value
        FROM chosen
        JOIN leave_one_domain_out AS validated USING (experiment, run_id, variant)
        WHERE :rule = 'leave-one-domain-out'
    )
)
WHERE place <= 3
ORDER BY trial, place;
