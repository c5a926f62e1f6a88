-- title: What one run's held-out images were taken for, at the checkpoint that a rule selects
-- :run                   id of the run (see the query runs)
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last}
SELECT domain, class, predicted, count(*) AS n, avg(confidence) AS confidence
FROM outcome_info
WHERE checkpoint_id = (
    SELECT checkpoint_id FROM candidate
    JOIN run ON run.id = candidate.run_id AND run.variant = candidate.variant
    WHERE candidate.run_id = :run AND candidate.rule = :rule
    LIMIT 1) -- one run may be in several experiments
GROUP BY domain, class, predicted
ORDER BY domain, class, n DESC, predicted;
