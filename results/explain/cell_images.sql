-- title: Images counted at the selected checkpoints
SELECT chosen.trial, info.domain, info.role, info.split, info.n, info.correct, info.accuracy
FROM chosen
JOIN eval_info AS info ON info.checkpoint_id = chosen.checkpoint_id
JOIN domain ON domain.id = info.domain_id
ORDER BY chosen.trial, info.role, domain.position, info.split;
