-- What the parts of the page read. section: one table or chart each; label: a method, with its experiment where two have
-- it; series: its colour and shape, the same everywhere.
CREATE TEMP TABLE method_shown AS
SELECT *, dense_rank() OVER (PARTITION BY section ORDER BY first_run_id, label) - 1 AS series
FROM (
    SELECT experiment, rule, scored, dataset, split_rule, method,
           dataset || ', ' || split_rule || ' split'
           || CASE WHEN (SELECT count(DISTINCT rule || ' ' || scored) FROM reading) = 1 THEN ''
                   ELSE ', selected by ' || rule || ', scored on ' || scored END AS section,
           CASE WHEN min(experiment) OVER same = max(experiment) OVER same THEN method
                ELSE method || ' (' || experiment || ')' END AS label,
           first_run_id
    FROM (
        SELECT experiment, rule, scored, dataset, split_rule, method, min(run_id) AS first_run_id
        FROM result
        JOIN reading USING (experiment, rule)
        GROUP BY experiment, dataset, split_rule, method
    )
    WINDOW same AS (PARTITION BY dataset, split_rule, method, rule, scored)
);

-- All cells of the runs shown: every rule, everything that is scored.
CREATE TEMP TABLE any_cell AS SELECT * FROM cell;

-- The cells shown. 95 % intervals: Student's t over the trials, mean +/- t(n - 1) * sample deviation / sqrt(n).
CREATE TEMP TABLE shown AS
SELECT section, label, series, method_shown.first_run_id AS row_order, dataset, experiment, method, cell.domain, cell.domain_position,
       mean, stderr, n_trials, mean - half AS low, mean + half AS high
FROM (
    SELECT *, stderr * sqrt(n_trials / (n_trials - 1.0))
              * CASE n_trials WHEN 2 THEN 12.706 WHEN 3 THEN 4.303 WHEN 4 THEN 3.182 WHEN 5 THEN 2.776 WHEN 6 THEN 2.571
                              WHEN 7 THEN 2.447 WHEN 8 THEN 2.365 WHEN 9 THEN 2.306 WHEN 10 THEN 2.262
                              ELSE 1.960 + 2.4 / (n_trials - 1.0) END AS half
    FROM any_cell
) AS cell
JOIN method_shown USING (experiment, rule, scored, dataset, split_rule, method)
ORDER BY section, row_order, domain_position;

-- Mean over the held-out domains, where none of the section's is missing.
CREATE TEMP TABLE average AS
SELECT section, label, series, row_order, avg(mean) AS mean
FROM shown
GROUP BY section, label
HAVING count(*) = (SELECT count(DISTINCT domain) FROM shown AS all_of WHERE all_of.section = shown.section);

-- The runs behind the cells shown.
CREATE TEMP TABLE run_selected AS
SELECT section, label, series, method_shown.first_run_id AS row_order, scored, result.*
FROM result
JOIN method_shown USING (experiment, rule, dataset, split_rule, method);
