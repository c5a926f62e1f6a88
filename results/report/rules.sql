-- part: matrix
-- title: Selection rules side by side
-- caption: average accuracy, %
-- best: max
-- note: Averages over the held-out domains, by how checkpoints and hyper-parameters are selected. Oracle looks at the held-out domain: it bounds what selection could gain, and is no result. A dash: a rule that lacks runs (leave-one-domain-out needs those that hold out pairs).
SELECT section, label AS row, method_shown.first_run_id AS row_order, cell.rule AS "column",
       CASE cell.rule WHEN 'training-domain' THEN 1 WHEN 'leave-one-domain-out' THEN 2 WHEN 'last' THEN 3 ELSE 4 END
           AS column_order,
       CASE WHEN count(*) = (SELECT count(DISTINCT domain) FROM shown WHERE shown.section = method_shown.section)
            THEN 100 * avg(mean) END AS value, NULL AS error, NULL AS n
FROM method_shown
JOIN any_cell AS cell USING (experiment, scored, dataset, split_rule, method)
GROUP BY section, label, cell.rule
ORDER BY section, row_order, column_order;
