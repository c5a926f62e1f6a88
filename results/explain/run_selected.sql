-- title: Its checkpoint under each rule; selected = 1: the one of its trial that is in the tables
SELECT candidate.experiment, candidate.rule, candidate.variant, candidate.step, candidate.value, candidate.of_steps,
       candidate.place = 1 AS selected
FROM (
    SELECT candidate.*, candidate.n_steps AS of_steps,
           row_number() OVER (PARTITION BY rule, candidate.experiment, candidate.variant
                              ORDER BY value DESC, candidate.hparams_seed DESC, run_id DESC) AS place
    FROM candidate
    JOIN run AS this ON this.id = CAST(:run AS INTEGER)
    WHERE candidate.dataset_id = this.dataset_id AND candidate.split_rule = this.split_rule
      AND candidate.method = :method AND candidate.held_out = :held_out AND candidate.trial = this.trial
) AS candidate
WHERE candidate.run_id = CAST(:run AS INTEGER)
ORDER BY candidate.experiment, candidate.variant, candidate.rule;
