-- title: The run and checkpoint behind each trial
-- Every cell_ file reads chosen(trial, run_id, checkpoint_id, step, hparams_seed, n_runs, rule_value, score, variant,
-- experiment), the cell's selected runs, which explain.c puts before it; :rule and the others name the cell.
SELECT chosen.trial, chosen.run_id AS run, substr(run.key, 1, 16) AS key, chosen.score, chosen.step,
       chosen.rule_value, chosen.hparams_seed AS draw, run.seed, chosen.n_runs AS of_runs,
       (SELECT count(*) || ': ' || min(step) || '..' || max(step) FROM checkpoint
        WHERE checkpoint.run_id = chosen.run_id AND checkpoint.variant = chosen.variant) AS of_steps
FROM chosen
JOIN run ON run.id = chosen.run_id
ORDER BY chosen.trial;
