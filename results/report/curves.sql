-- part: curves
-- title: Training curves
-- note: Lines are means over the trials of the selected runs, bands reach from the lowest to the highest trial. Panels: held-out domains; horizontal: training steps.
WITH curve_run AS MATERIALIZED (
    SELECT section, label, series, row_order, scored, run_selected.domain, domain_position, run_id, run_selected.variant,
           domain.id AS domain_id
    FROM run_selected
    JOIN main.run ON run.id = run_id
    JOIN main.domain ON domain.dataset_id = run.dataset_id AND domain.name = run_selected.domain
),
point AS (
    SELECT curve_run.*, 1 AS figure, step,
           (SELECT sum(accuracy * coalesce(n, 1)) / sum(coalesce(n, 1)) FROM eval
            WHERE eval.checkpoint_id = checkpoint.id AND eval.domain_id = curve_run.domain_id
              AND (split = scored OR scored = 'whole')) * 100 AS value
    FROM curve_run
    JOIN main.checkpoint ON checkpoint.run_id = curve_run.run_id AND checkpoint.variant = curve_run.variant
    UNION ALL
    SELECT curve_run.*, 2, step, 100 * source_accuracy
    FROM curve_run
    JOIN main.checkpoint ON checkpoint.run_id = curve_run.run_id AND checkpoint.variant = curve_run.variant
    UNION ALL
    SELECT curve_run.*, 3, step, train_log.value
    FROM curve_run
    JOIN main.train_log ON train_log.run_id = curve_run.run_id AND train_log.name = 'loss'
)
SELECT section, CASE figure WHEN 1 THEN 'Accuracy on the held-out domain, %' WHEN 2 THEN 'Validation accuracy on the source domains, %'
                            ELSE 'Training loss' END AS figure,
       domain AS panel, domain_position AS panel_order, label AS lane, row_order AS lane_order, series, step AS x,
       avg(value) AS y, min(value) AS low, max(value) AS high
FROM point AS point
WHERE value IS NOT NULL
GROUP BY section, point.figure, domain, label, step
ORDER BY section, point.figure, panel_order, lane_order, step;
