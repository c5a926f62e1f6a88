-- title: Images counted at its best (training-domain) checkpoint, or its last one
SELECT info.step, info.variant, info.domain, info.role, info.split, info.n, info.correct, info.accuracy
FROM eval_info AS info
JOIN domain ON domain.id = info.domain_id
WHERE info.checkpoint_id = (
    SELECT checkpoint.id
    FROM checkpoint
    JOIN run ON run.id = checkpoint.run_id
    WHERE run.id = CAST(:run AS INTEGER) AND checkpoint.variant = run.variant
    ORDER BY checkpoint.source_accuracy IS NULL, checkpoint.source_accuracy DESC,
             CASE WHEN checkpoint.source_accuracy IS NULL THEN -checkpoint.step ELSE checkpoint.step END
    LIMIT 1)
ORDER BY info.role, domain.position, info.split;
