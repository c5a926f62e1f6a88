-- part: dots
-- title: Accuracy per held-out domain, with intervals
-- axis: accuracy on the held-out domain, %
-- note: Marks are means over trials, lines are 95 % intervals of the mean (Student's t over the trials: with two or three of them wide, as they should be). A mark without a line has a single trial.
SELECT section, domain AS panel, domain_position AS panel_order, label AS lane, row_order AS lane_order, series,
       100 * mean AS value, 100 * low AS low, 100 * high AS high, NULL AS reference
FROM shown
UNION ALL
SELECT section, 'Average', 1e9, label, row_order, series, 100 * mean, NULL, NULL, NULL FROM average
ORDER BY section, panel_order, lane_order;
