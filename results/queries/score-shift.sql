-- title: Alignment before and after fine-tuning, on source and held-out domains, IP and OOP images apart
-- :ip_oop_rule=median    rule that cuts the pretrained model's scores
-- :scorer                only this pretrained scorer
-- :dataset               only this dataset
-- :method                only this method
WITH before AS MATERIALIZED (
    SELECT scorer.id AS scorer_id, scorer.name AS scorer, scorer.template, scorer.model, image.dataset_id, image.domain_id, image.id AS image_id, alignment.score,
           CASE WHEN alignment.score >= cut.split THEN 'IP' ELSE 'OOP' END AS bucket
    FROM ip_oop_cut AS cut
    CROSS JOIN scorer ON scorer.id = cut.scorer_id
    CROSS JOIN alignment ON alignment.scorer_id = scorer.id
    CROSS JOIN image ON image.id = alignment.image_id AND image.dataset_id = cut.dataset_id
    WHERE cut.ip_oop_rule = :ip_oop_rule AND (:scorer IS NULL OR scorer.name = :scorer)
      AND alignment.score BETWEEN cut.low AND cut.high
),
-- A run's fine-tuned model is compared with the pretrained one of the same architecture and template.
pairs AS (
    SELECT run.id AS run_id, run.method, run.trial, run.dataset_id, after.id AS after_id, pretrained.scorer_id AS before_id
    FROM scorer AS after
    JOIN run ON run.id = after.run_id
    JOIN (SELECT DISTINCT scorer_id, template, model, dataset_id FROM before) AS pretrained
      ON pretrained.template = after.template AND pretrained.model = after.model AND pretrained.dataset_id = run.dataset_id
    WHERE :method IS NULL OR run.method = :method
),
runs AS ( -- means of one run, so that runs are what varies
    SELECT pairs.run_id, method, pairs.dataset_id, before.scorer, bucket, role, count(*) AS n, avg(before.score) AS before,
           avg(alignment.score) AS after
    FROM pairs
    JOIN before ON before.scorer_id = pairs.before_id AND before.dataset_id = pairs.dataset_id
    JOIN run_domain ON run_domain.run_id = pairs.run_id AND run_domain.domain_id = before.domain_id
    JOIN alignment ON alignment.scorer_id = pairs.after_id AND alignment.image_id = before.image_id
    WHERE alignment.score IS NOT NULL
    GROUP BY pairs.run_id, pairs.after_id, before.scorer_id, bucket, role
)
SELECT dataset.name AS dataset, scorer, method, role, bucket, count(*) AS n_runs, sum(n) AS n, avg(before) AS before,
       avg(after) AS after, avg(after - before) AS shift,
       CASE WHEN count(*) > 1 THEN sqrt(max(0, avg((after - before) * (after - before)) - avg(after - before) * avg(after - before))
                                        / (count(*) - 1)) END AS shift_stderr
FROM runs
JOIN dataset ON dataset.id = runs.dataset_id
WHERE :dataset IS NULL OR dataset.name = :dataset
GROUP BY runs.dataset_id, scorer, method, role, bucket
ORDER BY dataset.name, scorer, min(run_id) OVER (PARTITION BY runs.dataset_id, scorer, method), role DESC, bucket;
