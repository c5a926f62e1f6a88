-- part: matrix
-- title: In pretraining and out of it
-- caption: average accuracy on whole held-out domains, %
-- best: max
-- empty: No image of these datasets has an alignment score, or no prediction is stored: dgbench score gives scores.
-- note: IP: images whose alignment with the text of their class, by a pretrained image-text model, is above the rule's cut; OOP: below it. All: both, without what the rule drops. Averages over the held-out domains inside each trial, then over trials (in brackets). Alignment also tells easy images from hard ones: compare with a network that never was pretrained.
WITH scored AS (
    SELECT method_shown.section || '; rule "' || ip_oop_rule || '", scorer ' || scorer AS section, label, method_shown.first_run_id,
           stderr_of, dataset, domain, trial, n_ip, n_oop, ip_accuracy, oop_accuracy, all_accuracy
    FROM method_shown
    CROSS JOIN ip_oop_result USING (experiment, rule, dataset, split_rule, method)
    WHERE n_held_out = 1 AND reported
),
cells AS (
    SELECT section, label, first_run_id, stderr_of, domain, trial, bucket, place,
           CASE bucket WHEN 'IP' THEN ip_accuracy WHEN 'OOP' THEN oop_accuracy ELSE all_accuracy END AS score
    FROM scored
    JOIN (SELECT 'IP' AS bucket, 0 AS place UNION ALL SELECT 'OOP', 1 UNION ALL SELECT 'All', 2)
    WHERE CASE bucket WHEN 'IP' THEN n_ip WHEN 'OOP' THEN n_oop ELSE n_ip + n_oop END > 0
),
trials AS (
    SELECT section, label, first_run_id, stderr_of, bucket, place, avg(score) AS score
    FROM cells
    GROUP BY section, label, bucket, trial
    HAVING count(*) = (SELECT count(DISTINCT domain) FROM cells AS every
                       WHERE every.section = cells.section AND every.bucket = cells.bucket)
)
SELECT section, label AS row, min(first_run_id) AS row_order, bucket AS "column", place AS column_order,
       100 * avg(score) AS value, 100 * standard_error(score, stderr_of) AS error, count(*) AS n
FROM trials
GROUP BY section, label, bucket
ORDER BY section, row_order, column_order;
