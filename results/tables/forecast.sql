-- title: Accuracy (%) on each held-out domain, forecast from its alignment scores before anything is trained without it
-- base: yes
-- section: section
-- row: row
-- column: part
-- value: value
-- n: n
-- row_order: row_order
-- column_order: part_order
-- scale: percent
-- :experiment   only this experiment
-- :dataset      only this dataset
-- :method       only this method
-- :scorer       only by this scorer
-- :rule         {training-domain|leave-one-domain-out|oracle|last} only with this model selection
-- :scored       {in|out|whole} only of this split
-- :calibration  {unseen|seen} only calibrated on such runs
-- :feature      {score|margin} only by this
SELECT dataset.name || ', ' || forecast.split_rule || ' split; ' || method || ' (' || experiment || '); '
       || feature || ' by ' || scorer.name || '; selected by ' || rule || '; scored on ' || scored || '; calibrated on runs that '
       || CASE calibration WHEN 'unseen' THEN 'never saw the target' ELSE 'were trained on the target, too' END AS section,
       forecast.*, domain.name AS domain, domain.position
FROM forecast
JOIN dataset ON dataset.id = forecast.dataset_id
JOIN scorer ON scorer.id = scorer_id
JOIN domain ON domain.id = domain_id
WHERE exclusion = ''
  AND (:experiment IS NULL OR experiment = :experiment)
  AND (:dataset IS NULL OR dataset.name = :dataset)
  AND (:method IS NULL OR method = :method)
  AND (:scorer IS NULL OR scorer.name = :scorer)
  AND (:rule IS NULL OR rule = :rule)
  AND (:scored IS NULL OR scored = :scored)
  AND (:calibration IS NULL OR calibration = :calibration)
  AND (:feature IS NULL OR feature = :feature);

SELECT section, domain AS row, part, value, n, position AS row_order, part_order
FROM (
    SELECT section, domain, position, 0 AS part_order, 'forecast' AS part, predicted AS value, NULL AS n FROM base
    UNION ALL SELECT section, domain, position, 1, 'low', low, NULL FROM base
    UNION ALL SELECT section, domain, position, 2, 'high', high, NULL FROM base
    UNION ALL SELECT section, domain, position, 3, 'measured', actual, n_trials FROM base
    UNION ALL SELECT section, domain, position, 4, 'error', error, NULL FROM base
    UNION ALL SELECT section, domain, position, 5, 'mean of sources', source_accuracy, NULL FROM base
    UNION ALL SELECT section, domain, position, 6, 'zero-shot', zero_shot_accuracy, NULL FROM base
)
UNION ALL
SELECT section, 'mean |error|', part, value, NULL, 1e9, part_order
FROM (
    SELECT section, 0 AS part_order, 'forecast' AS part, avg(abs(error)) AS value FROM base GROUP BY section
    UNION ALL SELECT section, 4, 'error', avg(error) FROM base GROUP BY section
    UNION ALL SELECT section, 5, 'mean of sources', avg(abs(source_accuracy - actual)) FROM base GROUP BY section
    UNION ALL SELECT section, 6, 'zero-shot', avg(abs(zero_shot_accuracy - actual)) FROM base GROUP BY section
)
ORDER BY section, row_order, part_order;

SELECT 'Forecast: isotonic P(correct | ' || group_concat(DISTINCT feature) || '), fitted on held-out outcomes of the other'
       || ' domains, each of which weighs the same, and averaged over the target''s scores. It knows the target''s labels (a score is about the label), none of its outcomes.'
FROM base HAVING count(*) > 0
UNION ALL
SELECT 'low, high: 95 % prediction interval from the errors when each source is forecast from the other sources; it holds '
       || sum(actual BETWEEN low AND high) || ' of ' || count(actual) || ' measured values. Columns fit_low and fit_high of the'
       || ' database: bootstrap interval of the forecast itself.'
FROM base HAVING count(low) > 0
UNION ALL
SELECT 'In the row mean |error|, the column error has the mean error. Baselines: the mean of the sources'' held-out accuracies, and'
       || ' the scorer''s zero-shot accuracy on the target.'
WHERE EXISTS (SELECT 1 FROM base WHERE actual IS NOT NULL)
UNION ALL
SELECT 'Runs that were trained on the target, too, are not what one has of a new domain: runs that hold out two domains are.'
WHERE EXISTS (SELECT 1 FROM base WHERE calibration = 'seen')
UNION ALL
SELECT 'Stored by dgbench forecast at ' || max(made) || '; later runs are not in it.' FROM base HAVING count(*) > 0;
