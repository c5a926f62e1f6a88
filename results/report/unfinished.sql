-- part: table
-- title: Runs in no cell
-- caption: failed, diverged, unfinished
-- empty: None: every run is done.
SELECT dataset AS section, run_info.method AS "Method", run_info.held_out AS "Held out", run_info.trial AS "Trial", run_info.hparams_seed AS "Draw",
       status AS "Status", last_step AS "Step", message AS "Message", run_info.key AS "Run key", count(*) OVER () AS of_rows
FROM (SELECT DISTINCT run_id, dataset, method, held_out, trial, hparams_seed, status, last_step, message, key FROM main.run_info) AS run_info
JOIN run_shown USING (run_id)
WHERE status <> 'done'
ORDER BY section, run_id
LIMIT 100;
