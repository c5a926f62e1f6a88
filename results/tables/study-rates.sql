-- title: Studies of reparameterised learning: loss after the last update at matched learning rates, mean [lowest, highest seed]
-- base: yes
-- section: section
-- row: lr
-- column: label
-- value: loss
-- low: low
-- high: high
-- n: n
-- unit: unit
-- row_order: row_order
-- column_order: column_order
-- :study         only this study: factorize or rotated
-- :problem       only this problem, as study_cell has it
SELECT study || ', ' || optimizer || '; ' || problem AS section,
       parameterisation || CASE WHEN input_std > 0 THEN printf(' (z %g)', input_std) ELSE '' END AS label, input_std, lr,
       count(*) AS n, sum(diverged_at IS NOT NULL) AS n_diverged, avg(loss) AS loss, min(loss) AS low, max(loss) AS high, max(floor) AS floor
FROM study_cell
WHERE (:study IS NULL OR study = :study) AND (:problem IS NULL OR problem = :problem)
GROUP BY study, problem, optimizer, parameterisation, input_std, lr;

SELECT section, printf('%g', lr) AS lr, lr AS row_order, label, input_std AS column_order, 'number' AS unit, n,
       CASE n_diverged WHEN 0 THEN loss END AS loss, CASE n_diverged WHEN 0 THEN low END AS low, CASE n_diverged WHEN 0 THEN high END AS high
FROM base
ORDER BY section, row_order, column_order;

SELECT section || ': floor ' || printf('%.5g', max(floor)) FROM base GROUP BY section HAVING max(floor) IS NOT NULL
UNION ALL
SELECT section || ': ' || label || ' diverged at ' || group_concat(printf('%g (%d of %d seeds)', lr, n_diverged, n), ', ')
FROM (SELECT * FROM base WHERE n_diverged > 0 ORDER BY lr)
GROUP BY section, label
UNION ALL
SELECT 'No study is stored yet: dgbench factorize, dgbench rotated-study.'
WHERE NOT EXISTS (SELECT 1 FROM base);
