-- title: Accuracy over bins of alignment, or of similarity, with as many images each; 95 % intervals over images
-- :x=alignment           {alignment|similarity} with the class text, or to the nearest pretraining image
-- :bins=10               how many, of the images of each dataset
-- :rule=training-domain  {training-domain|leave-one-domain-out|oracle|last}
-- :scorer                only this scorer
-- :experiment            only this experiment
-- :dataset               only this dataset
-- :method                only this method
WITH binned AS MATERIALIZED (
    SELECT dataset_id, scorer_id, scorer, image_id, domain_id, class_id, x,
           ntile(:bins) OVER (PARTITION BY dataset_id, scorer_id ORDER BY x, image_id) AS bin
    FROM (
        SELECT image.dataset_id, scorer.id AS scorer_id, scorer.name AS scorer, image.id AS image_id, image.domain_id, image.class_id,
               CASE :x WHEN 'alignment' THEN alignment.score ELSE alignment.similarity END AS x
        FROM scorer
        CROSS JOIN alignment ON alignment.scorer_id = scorer.id
        CROSS JOIN image ON image.id = alignment.image_id
        WHERE scorer.run_id IS NULL AND (:scorer IS NULL OR scorer.name = :scorer)
    )
    WHERE x IS NOT NULL
),
runs AS MATERIALIZED (
    SELECT dataset_id, run_id, checkpoint_id, experiment, method
    FROM selected
    WHERE rule = :rule AND reported AND n_held_out = 1
      AND (:experiment IS NULL OR experiment = :experiment) AND (:method IS NULL OR method = :method)
),
images AS ( -- how often an image is right, over trials
    SELECT binned.*, experiment, method, min(runs.run_id) AS first_run_id, count(*) AS n_trials,
           avg(outcome.predicted_class_id = class_id) AS y
    FROM runs
    CROSS JOIN run_domain ON run_domain.run_id = runs.run_id AND run_domain.role = 'held_out'
    CROSS JOIN outcome ON outcome.checkpoint_id = runs.checkpoint_id
    JOIN binned ON binned.image_id = outcome.image_id
    WHERE binned.domain_id = run_domain.domain_id
    GROUP BY experiment, method, scorer_id, binned.image_id
),
bins AS (
    SELECT dataset_id, scorer, experiment, method, bin, min(first_run_id) AS first_run_id, min(x) AS x_low, avg(x) AS x_mean,
           max(x) AS x_high, count(*) AS n, max(n_trials) AS n_trials, avg(y) AS p
    FROM images
    GROUP BY dataset_id, scorer_id, experiment, method, bin
)
-- Wilson 1927, as if each image were right or wrong in all trials together: no narrower than its true interval.
SELECT dataset.name AS dataset, scorer, experiment, method, bin, x_low, x_mean, x_high, n, n_trials, p AS accuracy,
       (p + 3.8415 / (2 * n) - 1.96 * sqrt(p * (1 - p) / n + 3.8415 / (4.0 * n * n))) / (1 + 3.8415 / n) AS low,
       (p + 3.8415 / (2 * n) + 1.96 * sqrt(p * (1 - p) / n + 3.8415 / (4.0 * n * n))) / (1 + 3.8415 / n) AS high
FROM bins
JOIN dataset ON dataset.id = bins.dataset_id
WHERE :dataset IS NULL OR dataset.name = :dataset
ORDER BY dataset.name, scorer, min(first_run_id) OVER (PARTITION BY bins.dataset_id, scorer, experiment, method), bin;
