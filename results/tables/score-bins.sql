-- title: Accuracy (%) on held-out images from the lowest to the highest alignment, as many images in each bin. Value [95 % interval]
-- base: yes
-- section: section
-- row: line
-- column: heading
-- value: value
-- low: low
-- high: high
-- row_order: row_order
-- column_order: bin
-- scale: percent
-- :x=alignment   {alignment|similarity} what the bins are of: alignment with the class text, similarity to pretraining
-- :bins=4        how many, of the images of each dataset
-- :control       method that was never pretrained: each other one is measured beside it
-- :control_experiment  experiment of the control; else any
-- :rule          {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :scorer        only this scorer
-- :experiment    only this experiment (and the control's)
-- :dataset       only this dataset
-- :variant       these weights (raw, sma, ...); else those that each method reports
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
ends AS MATERIALIZED (
    SELECT dataset_id, scorer_id, bin, printf('%d: %.3f to %.3f (%d)', bin, min(x), max(x), count(*)) AS heading
    FROM binned
    GROUP BY dataset_id, scorer_id, bin
),
runs AS MATERIALIZED (
    SELECT dataset_id, split_rule, run_id, checkpoint_id,
           :control IS NOT NULL AND method = :control AND (:control_experiment IS NULL OR experiment = :control_experiment)
               AS is_control,
           CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
                ELSE method || ' (' || experiment || ')' END AS label,
           min(run_id) OVER same_label AS curve
    FROM selected
    WHERE rule = :rule AND n_held_out = 1
      AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
      AND ((:experiment IS NULL OR experiment = :experiment) AND experiment IN (SELECT value FROM json_each(:experiments))
           OR method = :control AND (:control_experiment IS NULL OR experiment = :control_experiment))
    WINDOW same AS (PARTITION BY dataset_id, split_rule, method),
           same_label AS (PARTITION BY dataset_id, split_rule, method, experiment)
)
SELECT dataset.name || '; scorer ' || scorer || '; ' || split_rule || ' split; selected by ' || :rule
       || CASE :rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END AS section,
       label, is_control, curve, binned.bin, heading, image_id, avg(outcome.predicted_class_id = class_id) AS accuracy
FROM runs
CROSS JOIN dataset ON dataset.id = runs.dataset_id
CROSS JOIN run_domain ON run_domain.run_id = runs.run_id AND run_domain.role = 'held_out'
CROSS JOIN outcome ON outcome.checkpoint_id = runs.checkpoint_id
JOIN binned USING (image_id)
JOIN ends ON ends.dataset_id = binned.dataset_id AND ends.scorer_id = binned.scorer_id AND ends.bin = binned.bin
WHERE binned.domain_id = run_domain.domain_id AND (:dataset IS NULL OR dataset.name = :dataset)
GROUP BY curve, binned.scorer_id, image_id;

WITH measured AS MATERIALIZED (
    SELECT section, label AS line, 2 * curve AS row_order, bin, heading, avg(accuracy) AS value, bootstrap_interval(accuracy, 0) AS ends
    FROM base
    GROUP BY section, curve, bin
    UNION ALL
    SELECT section, own.label || ' - ' || other.label, 2 * own.curve + 1, own.bin, own.heading, avg(own.accuracy - other.accuracy),
           bootstrap_interval(own.accuracy - other.accuracy, 0)
    FROM base AS own
    JOIN (SELECT * FROM base WHERE is_control) AS other USING (section, image_id)
    WHERE NOT own.is_control
    GROUP BY section, own.curve, other.curve, own.bin
)
SELECT section, line, row_order, bin, heading, value, ends ->> 0 AS low, ends ->> 1 AS high
FROM measured
ORDER BY section, row_order, bin;

SELECT 'Bins of the images of a dataset that have a score; all held-out domains together. How often an image is right is averaged over'
       || ' trials. Intervals: the images of a bin are drawn anew 5,000 times, the same on both sides of a difference; domains, trials'
       || ' and training are taken as they are.'
WHERE EXISTS (SELECT 1 FROM base)
UNION ALL
SELECT 'Bins of alignment differ in difficulty, too: what pretraining adds is the difference to the same network never pretrained,'
       || ' -p control=METHOD.'
WHERE :control IS NULL AND EXISTS (SELECT 1 FROM base)
UNION ALL
SELECT 'No run of a control "' || :control || '"' || coalesce(' in experiment "' || :control_experiment || '"', '') || ' has stored predictions.'
WHERE :control IS NOT NULL AND NOT EXISTS (SELECT 1 FROM base WHERE is_control)
UNION ALL
SELECT 'No image has such a score yet: dgbench score gives them.'
WHERE NOT EXISTS (SELECT 1 FROM alignment WHERE CASE :x WHEN 'alignment' THEN score ELSE similarity END IS NOT NULL);
