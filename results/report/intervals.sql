-- part: dots
-- title: Accuracy per held-out domain, with intervals
-- axis: accuracy on the held-out domain, %
-- note: Marks are means over trials, lines are 95 % intervals. Of a domain: Student's t over its trials (how another training run may come out; wide with two or three trials, as it should be; none with one). Of the average: two-level bootstrap, which draws domains and then trials with replacement (how other domains may come out; with few domains still too narrow).
SELECT section, domain AS panel, domain_position AS panel_order, label AS lane, row_order AS lane_order, series,
       100 * mean AS value, 100 * low AS low, 100 * high AS high, NULL AS reference
FROM shown
UNION ALL
SELECT section, 'Average', 1e9, label, row_order, series, 100 * mean, 100 * low, 100 * high, NULL FROM average
ORDER BY section, panel_order, lane_order;
