-- title: Its checkpoint under each rule; selected = 1: the one of its trial that is in the tables
SELECT candidate.experiment, candidate.rule, candidate.variant, candidate.step, candidate.value, candidate.n_steps AS of_steps,
       EXISTS (SELECT 1 FROM selected
               WHERE selected.rule = candidate.rule AND selected.experiment = candidate.experiment
                 AND selected.dataset_id = candidate.dataset_id AND selected.method = candidate.method
                 AND selected.held_out = candidate.held_out AND selected.trial = candidate.trial
                 AND selected.run_id = candidate.run_id AND selected.variant = candidate.variant) AS selected
FROM candidate
WHERE candidate.run_id = CAST(:run AS INTEGER)
ORDER BY candidate.experiment, candidate.variant, candidate.rule;
