-- The derived rows of all runs, from the views that define them (schema-4.sql).
DELETE FROM run_candidate;
INSERT INTO run_candidate (run_id, variant, rule, checkpoint_id, step, value, source_accuracy, n_steps)
SELECT run_id, variant, rule, checkpoint_id, step, value, source_accuracy, n_steps FROM run_candidate_source;
DELETE FROM left_out;
INSERT INTO left_out (run_id, domain_id, variant, step, accuracy)
SELECT run_id, domain_id, variant, step, accuracy FROM left_out_source;
