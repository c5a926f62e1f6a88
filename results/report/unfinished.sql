-- part: table
-- title: Runs in no cell
-- caption: failed, diverged, unfinished
-- empty: None: every run is done.
SELECT dataset.name AS section, run.method AS "Method", held_out AS "Held out", trial AS "Trial", hparams_seed AS "Draw",
       run.status AS "Status", last_step AS "Step", message AS "Message", substr(key, 1, 16) AS "Run key",
       count(*) OVER () AS of_rows
FROM run_shown
JOIN main.run ON run.id = run_id
JOIN main.dataset ON dataset.id = run.dataset_id
WHERE run_shown.status <> 'done'
ORDER BY section, run_id
LIMIT 100;
