-- part: matrix
-- title: Accuracy on the held-out domain
-- caption: accuracy, %
-- best: max
-- note: Mean ± standard error over the trials (number of trials); bold: best of its column. Standard errors: deviation over the trials, divided by the square root of their number. A dash is a cell without a run that is done; a row that lacks one has no average.
SELECT section, label AS row, row_order, domain AS "column", domain_position AS column_order, 100 * mean AS value,
       100 * error AS error, n_trials AS n
FROM shown
UNION ALL
SELECT section, label, row_order, 'Average', 1e9, 100 * mean, NULL, NULL FROM average
ORDER BY section, row_order, column_order;
