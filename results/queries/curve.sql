-- title: Accuracy of one run, checkpoint by checkpoint
-- :run  id of the run (see the query runs)
SELECT step, variant, domain, role, split, n, accuracy, nll, ece, macro_accuracy, worst_class_accuracy
FROM eval_info
WHERE run_id = :run
ORDER BY variant, step, domain_id, split;
