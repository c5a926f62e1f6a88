-- What the parts of the page read. section: one table or chart each; label: a method, with its experiment where two have
-- it; series: its colour and shape, the same everywhere.
CREATE TEMP TABLE method_shown AS
SELECT *, dense_rank() OVER (PARTITION BY section ORDER BY first_run_id, label) - 1 AS series
FROM (
    SELECT experiment, rule, scored, stderr_of, dataset, split_rule, method,
           dataset || ', ' || split_rule || ' split'
           || CASE WHEN (SELECT count(DISTINCT rule || ' ' || scored) FROM reading) = 1 THEN ''
                   ELSE ', selected by ' || rule || ', scored on ' || scored END AS section,
           CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
                ELSE method || ' (' || experiment || ')' END AS label,
           first_run_id
    FROM (
        SELECT experiment, rule, scored, stderr_of, dataset, split_rule, method, min(run_id) AS first_run_id
        FROM result
        JOIN reading USING (experiment, rule)
        GROUP BY experiment, dataset, split_rule, method
    )
    WINDOW same AS (PARTITION BY dataset, split_rule, method, rule, scored)
);

-- All cells of the runs shown: every rule, everything that is scored.
CREATE TEMP TABLE any_cell AS SELECT * FROM cell;

-- The runs behind the cells shown.
CREATE TEMP TABLE run_selected AS
SELECT section, label, series, method_shown.first_run_id AS row_order, scored, stderr_of,
       CASE scored WHEN 'in' THEN accuracy WHEN 'out' THEN out_accuracy ELSE whole_accuracy END AS score, result.*
FROM result
JOIN method_shown USING (experiment, rule, dataset, split_rule, method);

-- Standard errors as each experiment asks for them. 95 % intervals of the cells: Student's t over the trials, mean +/- t(n - 1) * sample deviation / sqrt(n). Quantiles by
-- table, above ten trials by the expansion of Abramowitz and Stegun 26.7.5.
CREATE TEMP TABLE interval AS
SELECT section, label, domain, standard_error(score, stderr_of) AS error,
       standard_error(score, 'sample')
       * CASE count(*) WHEN 2 THEN 12.706 WHEN 3 THEN 4.303 WHEN 4 THEN 3.182 WHEN 5 THEN 2.776 WHEN 6 THEN 2.571
                       WHEN 7 THEN 2.447 WHEN 8 THEN 2.365 WHEN 9 THEN 2.306 WHEN 10 THEN 2.262
                       ELSE 1.960 + 2.372 / (count(*) - 1) + 2.822 / ((count(*) - 1) * (count(*) - 1)) END AS half
FROM run_selected
WHERE score IS NOT NULL
GROUP BY section, label, domain
HAVING count(*) > 1;

-- The cells shown.
CREATE TEMP TABLE shown AS
SELECT section, label, series, method_shown.first_run_id AS row_order, dataset, experiment, method, any_cell.domain,
       any_cell.domain_position, mean, error, n_trials, mean - half AS low, mean + half AS high
FROM any_cell
JOIN method_shown USING (experiment, rule, scored, dataset, split_rule, method)
LEFT JOIN interval USING (section, label, domain)
ORDER BY section, row_order, domain_position;

-- Mean over the held-out domains, where none of the section's is missing. 95 % intervals: two-level bootstrap over domains
-- and trials (base/stats.h), which one domain has none of.
CREATE TEMP TABLE average AS
SELECT section, label, series, row_order, avg(mean) AS mean, CASE WHEN count(*) > 1 THEN ends ->> 0 END AS low,
       CASE WHEN count(*) > 1 THEN ends ->> 1 END AS high
FROM shown
JOIN (
    SELECT section, label, bootstrap_interval(score, domain_position) AS ends
    FROM run_selected
    GROUP BY section, label
) AS bootstrap USING (section, label)
GROUP BY section, label
HAVING count(*) = (SELECT count(DISTINCT domain) FROM shown AS all_of WHERE all_of.section = shown.section);
