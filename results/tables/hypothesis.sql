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
           min(run_id) OVER same_label AS curve -- a number for the label
    FROM selected
    WHERE rule = :rule AND n_held_out = 1
      AND CASE WHEN :variant IS NULL THEN reported ELSE variant = :variant END
      AND ((:experiment IS NULL OR experiment = :experiment) AND experiment IN (SELECT value FROM json_each(:experiments))
           OR method = :control AND (:control_experiment IS NULL OR experiment = :control_experiment))
    WINDOW same AS (PARTITION BY dataset_id, split_rule, method),
           same_label AS (PARTITION BY dataset_id, split_rule, method, experiment)
)
SELECT runs.split_rule, dataset.name AS dataset, scorer.name AS scorer, label, is_control, curve, scorer.id AS scorer_id, trial,
       image.id AS image_id, image.domain_id, image.class_id, score, similarity,
       outcome.predicted_class_id = image.class_id AS correct
FROM runs
CROSS JOIN dataset ON dataset.id = runs.dataset_id
CROSS JOIN run_domain ON run_domain.run_id = runs.run_id AND run_domain.role = 'held_out'
CROSS JOIN scorer
CROSS JOIN outcome ON outcome.checkpoint_id = runs.checkpoint_id
CROSS JOIN image ON image.id = outcome.image_id AND image.domain_id = run_domain.domain_id
CROSS JOIN alignment ON alignment.scorer_id = scorer.id AND alignment.image_id = image.id
WHERE scorer.run_id IS NULL AND (:scorer IS NULL OR scorer.name = :scorer) AND (:dataset IS NULL OR dataset.name = :dataset);

WITH strata(within, title, by_class, by_domain) AS ( -- a stratum's number: class_id * by_class + domain_id * by_domain
    SELECT 'none', 'Pooled over held-out domains', 0, 0
    UNION ALL
    SELECT :within, 'Within ' || CASE :within WHEN 'both' THEN 'class and domain' ELSE :within END,
           CASE :within WHEN 'domain' THEN 0 ELSE 1000000 END, CASE :within WHEN 'class' THEN 0 ELSE 1 END
    WHERE :within <> 'none'
),
names AS MATERIALIZED (
    SELECT DISTINCT curve, scorer_id, split_rule, dataset, scorer, label, is_control FROM base
),
pairs AS ( -- each method and the control
    SELECT own.curve, own.scorer_id, controls.curve AS control_curve, controls.label AS control
    FROM names AS own
    JOIN names AS controls USING (scorer_id, dataset, split_rule)
    WHERE controls.is_control AND NOT own.is_control
),
-- What is measured: a predictor, or side 1 minus side 0 of two. A scan for each: faster than to sort the rows of all.
measured AS MATERIALIZED (
    SELECT names.curve, names.scorer_id, within, 0 AS place, ': alignment' AS what,
           (SELECT association(score, correct, image_id, domain_id,
                               class_id * by_class + domain_id * by_domain, trial, 0)
            FROM base NOT INDEXED WHERE base.curve = names.curve AND base.scorer_id = names.scorer_id) AS found
    FROM names
    CROSS JOIN strata
    UNION ALL
    SELECT names.curve, names.scorer_id, within, 1, ': similarity',
           (SELECT association(similarity, correct, image_id, domain_id,
                               class_id * by_class + domain_id * by_domain, trial, 0)
            FROM base NOT INDEXED WHERE base.curve = names.curve AND base.scorer_id = names.scorer_id)
    FROM names
    CROSS JOIN strata
    UNION ALL
    SELECT names.curve, names.scorer_id, within, 2, ': alignment - similarity',
           (SELECT association(CASE side WHEN 1 THEN score ELSE similarity END, correct, image_id, domain_id,
                               class_id * by_class + domain_id * by_domain, trial, side)
            FROM base NOT INDEXED CROSS JOIN (SELECT 1 AS side UNION ALL SELECT 0)
            WHERE base.curve = names.curve AND base.scorer_id = names.scorer_id
              AND score IS NOT NULL AND similarity IS NOT NULL)
    FROM names
    CROSS JOIN strata
    UNION ALL
    SELECT pairs.curve, pairs.scorer_id, within, 3 + is_similarity,
           ' - ' || control || CASE is_similarity WHEN 1 THEN ': similarity' ELSE ': alignment' END,
           (SELECT association(CASE is_similarity WHEN 1 THEN similarity ELSE score END, correct, image_id, domain_id,
                               class_id * by_class + domain_id * by_domain, trial,
                               base.curve = pairs.curve)
            FROM base NOT INDEXED
            WHERE base.curve IN (pairs.curve, pairs.control_curve) AND base.scorer_id = pairs.scorer_id)
    FROM pairs
    CROSS JOIN strata
    CROSS JOIN (SELECT 0 AS is_similarity UNION ALL SELECT 1)
),
lines AS (
    SELECT title || '; ' || dataset || '; scorer ' || scorer || '; ' || split_rule || ' split; selected by ' || :rule
           || CASE :rule WHEN 'training-domain' THEN ' validation' WHEN 'last' THEN ' checkpoint' ELSE '' END AS section,
           label || what AS line, 10 * curve + place AS row_order, found
    FROM measured
    JOIN names USING (curve, scorer_id)
    JOIN strata USING (within)
    WHERE found IS NOT NULL
)
SELECT section, line, row_order, 'images' AS heading, 0 AS column_order, 'count' AS unit, found ->> '$.n' AS value, NULL AS low,
       NULL AS high
FROM lines
UNION ALL
SELECT section, line, row_order, heading, column_order, unit, found ->> (path || '[0]'), found ->> (path || '[1]'),
       found ->> (path || '[2]')
FROM lines
CROSS JOIN (SELECT 'Spearman' AS heading, '$.spearman' AS path, 1 AS column_order, 'score' AS unit
            UNION ALL SELECT 'AUC', '$.auc', 2, 'score'
            UNION ALL SELECT 'slope (% per sd)', '$.slope', 3, 'percent')
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
