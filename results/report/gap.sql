-- part: dots
-- title: From validation to the held-out domain
-- axis: accuracy, %
-- note: Hollow: validation (mean over the source domains of their out split) of the selected checkpoints. Filled: accuracy on the held-out domain. In brackets: what is lost on the way.
SELECT section, label AS panel, row_order AS panel_order, shown.domain AS lane, shown.domain_position AS lane_order, series,
       100 * shown.mean AS value, NULL AS low, NULL AS high, 100 * validation.mean AS reference
FROM shown
JOIN method_shown USING (section, label, series, dataset, experiment, method)
JOIN any_cell AS validation ON validation.scored = 'validation' AND validation.rule = method_shown.rule
     AND validation.experiment = method_shown.experiment AND validation.dataset = method_shown.dataset
     AND validation.split_rule = method_shown.split_rule AND validation.method = method_shown.method
     AND validation.domain = shown.domain
ORDER BY section, panel_order, lane_order;
