-- part: matrix
-- title: Hyper-parameters of the selected runs
-- empty: No hyper-parameter differs between methods or runs.
-- note: Where the selected runs of a method have several values: lowest to highest.
-- caption: those that differ between methods or runs
WITH value_of AS MATERIALIZED (
    SELECT DISTINCT section, label, row_order, run_id, name, value
    FROM run_selected
    JOIN main.hparam USING (run_id)
    WHERE name <> 'method.label'
),
varying AS (SELECT section, name FROM value_of GROUP BY section, name HAVING count(DISTINCT value) > 1)
SELECT section, name AS row, NULL AS row_order, label AS "column", row_order AS column_order,
       CASE WHEN count(DISTINCT value) = 1 THEN CASE typeof(min(value)) WHEN 'real' THEN format('%.4g', min(value)) ELSE min(value) END
            WHEN typeof(min(value)) = 'text' THEN substr(group_concat(DISTINCT value), 1, 200)
            ELSE format('%.3g to %.3g', min(value), max(value)) END AS text
FROM value_of
JOIN varying USING (section, name)
GROUP BY section, name, label
ORDER BY section, name, column_order;
