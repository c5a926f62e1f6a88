-- title: Studies of reparameterised learning: each parameterisation at its best learning rate, value [lowest, highest seed]
-- base: yes
-- section: section
-- row: label
-- column: heading
-- value: value
-- low: low
-- high: high
-- unit: unit
-- row_order: row_order
-- column_order: column_order
-- :study         only this study: factorize or rotated
-- :problem       only this problem, as study_cell has it
-- :within=1.25   a learning rate is good up to so many times the floor (where it is not known: the best loss of all)
SELECT study || ', ' || optimizer || '; ' || problem AS section, optimizer, parameterisation, input_std,
       parameterisation || CASE WHEN input_std > 0 THEN printf(' (z %g)', input_std) ELSE '' END AS label, lr,
       count(*) AS n, sum(diverged_at IS NOT NULL) AS n_diverged, avg(loss) AS loss, min(loss) AS low, max(loss) AS high, floor,
       n_parameters, avg(sharp_gradient) AS sharp, min(sharp_gradient) AS sharp_low, max(sharp_gradient) AS sharp_high,
       avg(curvature) AS curvature, min(curvature) AS curvature_low, max(curvature) AS curvature_high,
       avg(learned_sharp_gradient) AS learned, min(learned_sharp_gradient) AS learned_low,
       max(learned_sharp_gradient) AS learned_high
FROM study_cell
WHERE (:study IS NULL OR study = :study) AND (:problem IS NULL OR problem = :problem)
GROUP BY study, problem, optimizer, parameterisation, input_std, lr;

WITH whole AS MATERIALIZED (
    SELECT * FROM base WHERE n_diverged = 0
),
goals AS (
    SELECT section, coalesce(max(floor), min(loss)) AS goal FROM whole GROUP BY section
),
bests AS MATERIALIZED (
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY section, label ORDER BY loss, lr) AS place FROM whole
    ) WHERE place = 1
),
windows AS MATERIALIZED (
    SELECT section, label, min(lr) AS good_from, max(lr) AS good_to, count(*) AS n_good
    FROM whole
    JOIN goals USING (section)
    WHERE loss <= :within * goal
    GROUP BY section, label
),
facts AS MATERIALIZED (
    SELECT section, label, input_std, max(n_parameters) AS n_parameters,
           min(lr) FILTER (WHERE n_diverged > 0) AS diverges_from, count(*) AS n_rates
    FROM base
    GROUP BY section, label
),
cells(section, label, column_order, heading, unit, value, low, high) AS (
    SELECT section, label, 0, 'learned', 'count', n_parameters, NULL, NULL FROM facts
    UNION ALL SELECT section, label, 1, 'best lr', 'number', lr, NULL, NULL FROM bests
    UNION ALL SELECT section, label, 2, 'loss', 'number', loss, low, high FROM bests
    UNION ALL SELECT section, label, 3, '/ floor', 'score', loss / floor, low / floor, high / floor FROM bests WHERE floor > 0
    UNION ALL SELECT section, label, 4, 'good from', 'number', good_from, NULL, NULL FROM windows
    UNION ALL SELECT section, label, 5, 'good to', 'number', good_to, NULL, NULL FROM windows
    UNION ALL SELECT section, label, 6, 'good rates', 'count', coalesce(n_good, 0), NULL, NULL
              FROM facts LEFT JOIN windows USING (section, label)
    UNION ALL SELECT section, label, 7, 'rates', 'count', n_rates, NULL, NULL FROM facts
    UNION ALL SELECT section, label, 8, 'diverges from', 'number', diverges_from, NULL, NULL FROM facts WHERE diverges_from > 0
    UNION ALL SELECT section, label, 9, '|v^T g|', 'number', sharp, sharp_low, sharp_high FROM bests WHERE sharp IS NOT NULL
    UNION ALL SELECT section, label, 10, 'of what is learned', 'number', learned, learned_low, learned_high FROM bests
              WHERE learned IS NOT NULL
    UNION ALL SELECT section, label, 11, 'curvature', 'number', curvature, curvature_low, curvature_high FROM bests
              WHERE curvature IS NOT NULL
)
SELECT cells.*, input_std AS row_order
FROM cells
JOIN facts USING (section, label)
ORDER BY section, row_order, column_order;

SELECT 'Loss after the last update at the learning rate with the lowest mean over seeds. Good: the mean is at most ' || printf('%g', :within)
       || ' times ' || CASE WHEN EXISTS (SELECT 1 FROM base WHERE floor IS NOT NULL) THEN 'the floor' ELSE 'the best one of the section' END
       || ', and no seed diverged; between "good from" and "good to" may be others (good rates).'
WHERE EXISTS (SELECT 1 FROM base)
UNION ALL
SELECT section || ': floor ' || printf('%.5g', max(floor)) FROM base GROUP BY section HAVING max(floor) IS NOT NULL
UNION ALL
SELECT 'Learning rates are compared with ' || min(n) || ' to ' || max(n) || ' seeds.' FROM base HAVING min(n) <> max(n)
UNION ALL
SELECT '|v^T g|: gradient along the direction v in which the loss bends most, at the end, in the space of the factors (and so the'
       || ' curvature), and in the space of what is learned.'
WHERE EXISTS (SELECT 1 FROM base WHERE sharp IS NOT NULL)
UNION ALL
SELECT 'No study is stored yet: dgbench factorize, dgbench rotated-study.'
WHERE NOT EXISTS (SELECT 1 FROM base);
