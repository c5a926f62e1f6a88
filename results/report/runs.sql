-- part: table
-- title: Selected runs
-- caption: the run and checkpoint behind each trial of each cell
SELECT section, label AS "Method", domain AS "Held out", run_selected.trial AS "Trial", run_selected.hparams_seed AS "Draw", run_selected.step AS "Step",
       format('%.2f', 100 * validation_accuracy) AS "Validation, %",
       format('%.2f', 100 * score) AS "Held-out, %", n_runs AS "Chosen from", substr(key, 1, 16) AS "Run key", count(*) OVER () AS of_rows
FROM run_selected
JOIN main.run ON run.id = run_id
ORDER BY section, row_order, domain_position, run_selected.trial
LIMIT 400;
