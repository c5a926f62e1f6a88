-- title: Does alignment with the class text tell which held-out images are classified correctly? Value [95 % interval]
-- base: yes
-- section: section
-- row: line
-- column: heading
-- value: value
-- low: low
-- high: high
-- unit: unit
-- row_order: row_order
-- column_order: column_order
-- :control         method that was never pretrained: each other one is measured beside it
-- :control_experiment  experiment of the control; else any
-- :within=class    {class|domain|both|none} besides pooled: images are compared only inside their class, domain, or both
-- :rule            {training-domain|leave-one-domain-out|oracle|last} how models are selected; else as each experiment says
-- :scorer          only this scorer
-- :experiment      only this experiment (and the control's)
-- :dataset         only this dataset
-- :variant         these weights (raw, sma, ...); else those that each method reports
WITH runs AS MATERIALIZED (
    SELECT experiment, dataset_id, split_rule, method, trial, run_id, checkpoint_id,
           :control IS NOT NULL AND method = :control AND (:control_experiment IS NULL OR experiment = :control_experiment)
               AS is_control,
           CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
                ELSE method || ' (' || experiment || ')' END AS label,
           min(run_id) OVER same_label AS row_order
    FROM selected
    WHERE rule = :rule AND n_held_out = 1
      AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
      AND ((:experiment IS NULL OR experiment = :experiment) AND experiment IN (SELECT value FROM json_each(:experiments))
           OR method = :control AND (:control_experiment IS NULL OR experiment = :control_experiment))
    WINDOW same AS (PARTITION BY dataset_id, split_rule, method),
           same_label AS (PARTITION BY dataset_id, split_rule, method, experiment)
)
SELECT runs.split_rule, dataset.name AS dataset, scorer.name AS scorer, label, is_control, row_order, trial, image.id AS image_id,
       image.domain_id, image.class_id, score, similarity, outcome.predicted_class_id = image.class_id AS correct
FROM runs
CROSS JOIN dataset ON dataset.id = runs.dataset_id
CROSS JOIN run_domain ON run_domain.run_id = runs.run_id AND run_domain.role = 'held_out'
CROSS JOIN scorer
CROSS JOIN outcome ON outcome.checkpoint_id = runs.checkpoint_id
CROSS JOIN image ON image.id = outcome.image_id AND image.domain_id = run_domain.domain_id
CROSS JOIN alignment ON alignment.scorer_id = scorer.id AND alignment.image_id = image.id
WHERE scorer.run_id IS NULL AND (:scorer IS NULL OR scorer.name = :scorer) AND (:dataset IS NULL OR dataset.name = :dataset);

WITH strata(within, title) AS (
    SELECT 'none', 'Pooled over held-out domains'
    UNION ALL
    SELECT :within, 'Within ' || CASE :within WHEN 'both' THEN 'class and domain' ELSE :within END WHERE :within <> 'none'
),
rows AS (
    SELECT base.*, within, CASE within WHEN 'class' THEN class_id WHEN 'domain' THEN domain_id
                                       WHEN 'both' THEN class_id * 1000000 + domain_id ELSE 0 END AS stratum
    FROM base
    CROSS JOIN strata
),
-- What is measured: a predictor, or side 1 minus side 0 of two.
measured AS MATERIALIZED (
    SELECT split_rule, dataset, scorer, within, label || ': alignment' AS line, min(row_order) AS row_order, 0 AS place,
           association(score, correct, image_id, domain_id, stratum, trial, 0) AS found
    FROM rows
    GROUP BY split_rule, dataset, scorer, within, label
    UNION ALL
    SELECT split_rule, dataset, scorer, within, label || ': similarity', min(row_order), 1,
           association(similarity, correct, image_id, domain_id, stratum, trial, 0)
    FROM rows
    WHERE similarity IS NOT NULL
    GROUP BY split_rule, dataset, scorer, within, label
    UNION ALL
    SELECT split_rule, dataset, scorer, within, label || ': alignment - similarity', min(row_order), 2,
           association(CASE side WHEN 1 THEN score ELSE similarity END, correct, image_id, domain_id, stratum, trial, side)
    FROM rows CROSS JOIN (SELECT 1 AS side UNION ALL SELECT 0)
    WHERE score IS NOT NULL AND similarity IS NOT NULL
    GROUP BY split_rule, dataset, scorer, within, label
    UNION ALL
    SELECT split_rule, dataset, scorer, within, label || ' - ' || control || ': ' || predictor, min(row_order), 3 + (predictor = 'similarity'),
           association(CASE predictor WHEN 'alignment' THEN score ELSE similarity END, correct, image_id, domain_id, stratum, trial, side)
    FROM (
        SELECT own.*, controls.label AS control, 1 AS side
        FROM rows AS own
        JOIN (SELECT DISTINCT split_rule, dataset, scorer, label FROM base WHERE is_control) AS controls USING (split_rule, dataset, scorer)
        WHERE NOT own.is_control
        UNION ALL
        SELECT split_rule, dataset, scorer, methods.label, is_control, methods.row_order, trial, image_id, domain_id, class_id, score,
               similarity, correct, within, stratum, other.label, 0
        FROM rows AS other
        JOIN (SELECT split_rule, dataset, scorer, label, min(row_order) AS row_order FROM base WHERE NOT is_control
              GROUP BY split_rule, dataset, scorer, label) AS methods USING (split_rule, dataset, scorer)
        WHERE other.is_control
    )
    CROSS JOIN (SELECT 'alignment' AS predictor UNION ALL SELECT 'similarity')
    WHERE CASE predictor WHEN 'alignment' THEN score ELSE similarity END IS NOT NULL
    GROUP BY split_rule, dataset, scorer, within, label, control, predictor
)
SELECT title || '; ' || dataset || '; scorer ' || scorer || '; ' || split_rule || ' split; selected by ' || :rule
       || CASE :rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END AS section,
       line, 10 * row_order + place AS row_order, heading, column_order, unit, found ->> (path || '[0]') AS value,
       found ->> (path || '[1]') AS low, found ->> (path || '[2]') AS high
FROM measured
JOIN strata USING (within)
CROSS JOIN (SELECT 'Spearman' AS heading, '$.spearman' AS path, 1 AS column_order, 'score' AS unit
            UNION ALL SELECT 'AUC', '$.auc', 2, 'score'
            UNION ALL SELECT 'slope (% per sd)', '$.slope', 3, 'percent')
WHERE found IS NOT NULL
UNION ALL
SELECT title || '; ' || dataset || '; scorer ' || scorer || '; ' || split_rule || ' split; selected by ' || :rule
       || CASE :rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END,
       line, 10 * row_order + place, 'images', 0, 'count', found ->> '$.n', NULL, NULL
FROM measured
JOIN strata USING (within)
WHERE found IS NOT NULL
ORDER BY section, row_order, column_order;

SELECT 'Spearman: rank correlation of the score and being right. AUC: how often the score of an image that is right is above that'
       || ' of one that is wrong. Slope: change of accuracy for one standard deviation of the score (least squares).'
WHERE EXISTS (SELECT 1 FROM base)
UNION ALL
SELECT 'All held-out images that have a score, nothing dropped. Measured in each trial, then averaged. Intervals: 1,000 times the images'
       || ' of each held-out domain are drawn anew, the same in all trials and on both sides of a difference; domains, trials and'
       || ' training are taken as they are.'
WHERE EXISTS (SELECT 1 FROM base)
UNION ALL
SELECT 'Alignment also measures how easy an image is: what pretraining adds is the difference to the same network never pretrained,'
       || ' -p control=METHOD.'
WHERE :control IS NULL AND EXISTS (SELECT 1 FROM base)
UNION ALL
SELECT 'No run of a control "' || :control || '"' || coalesce(' in experiment "' || :control_experiment || '"', '') || ' has stored predictions.'
WHERE :control IS NOT NULL AND NOT EXISTS (SELECT 1 FROM base WHERE is_control)
UNION ALL
SELECT 'Nothing has an alignment score yet: dgbench score gives them.'
WHERE NOT EXISTS (SELECT 1 FROM alignment WHERE score IS NOT NULL);
