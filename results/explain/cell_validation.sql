-- title: The runs that validate it: they hold out one more domain, whose accuracy at the same step is averaged
SELECT chosen.trial, domain.name AS domain, pair.id AS run, substr(pair.key, 1, 16) AS key, checkpoint.step,
       eval.accuracy
FROM chosen
JOIN validation_pair ON validation_pair.run_id = chosen.run_id AND validation_pair.experiment = chosen.experiment
JOIN run AS pair ON pair.id = validation_pair.pair_run_id
JOIN domain ON domain.id = validation_pair.domain_id
JOIN checkpoint ON checkpoint.run_id = pair.id AND checkpoint.variant = chosen.variant
               AND checkpoint.step = chosen.step
JOIN main.eval ON eval.checkpoint_id = checkpoint.id AND eval.domain_id = domain.id AND eval.split = 'in'
WHERE :rule = 'leave-one-domain-out'
ORDER BY chosen.trial, domain.position;
