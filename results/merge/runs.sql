-- Merging, part 2 of 3: the next 200 runs of the source in the order of their ids, with all that belongs to them. One
-- transaction each, so that others who write the file wait for a moment only, and a kill loses at most this batch; part 2
-- is run until temp.run_map stays empty.
--   add       the key is not here
--   replace   unfinished here; over there it is done, diverged, or got further
--   keep      the other way round
--   same      the same numbers, or equally far
--   conflict  ended in both files, with other numbers: what is here stays

DELETE FROM temp.run_map;
INSERT INTO temp.run_map (old, new, action)
SELECT old, coalesce(ours, (SELECT coalesce(max(id), 0) FROM main.run) + sum(ours IS NULL) OVER (ORDER BY old)),
       CASE WHEN ours IS NULL THEN 'add'
            WHEN their_end AND our_end THEN 'compare'
            WHEN their_end OR (NOT our_end AND their_step > our_step) THEN 'replace'
            WHEN NOT our_end AND their_step = our_step THEN 'same'
            ELSE 'keep' END
FROM (
    SELECT theirs.id AS old, ours.id AS ours, theirs.status IN ('done', 'diverged') AS their_end,
           ours.status IN ('done', 'diverged') AS our_end, coalesce(theirs.last_step, -1) AS their_step,
           coalesce(ours.last_step, -1) AS our_step
    FROM source.run AS theirs
    LEFT JOIN main.run AS ours ON ours.key = theirs.key
    WHERE theirs.id > coalesce((SELECT last FROM temp.progress), -9223372036854775808)
    ORDER BY theirs.id
    LIMIT 200
);
DELETE FROM temp.progress;
INSERT INTO temp.progress SELECT max(old) FROM temp.run_map HAVING count(*) > 0;

-- Ended in both: every evaluation has to be there, with the same numbers to the last bit.
DELETE FROM temp.difference;
INSERT INTO temp.difference (old, n, first)
SELECT old, count(*),
       min(printf('%012d', step) || printf('%s of %s, step %d, weights "%s": %s', split, domain, step, variant, what))
FROM (
    SELECT run_map.old, their_point.step, their_point.variant, theirs.split, domain.name AS domain,
           CASE WHEN ours.accuracy IS NULL THEN 'there only'
                WHEN ours.accuracy IS NOT theirs.accuracy
                THEN printf('accuracy %!.17g there, %!.17g here', theirs.accuracy, ours.accuracy)
                WHEN ours.nll IS NOT theirs.nll THEN printf('nll %!.17g there, %!.17g here', theirs.nll, ours.nll)
                ELSE 'the same accuracy, but other counts, calibration or class accuracy' END AS what
    FROM temp.run_map
    CROSS JOIN source.checkpoint AS their_point ON their_point.run_id = run_map.old
    CROSS JOIN source.eval AS theirs ON theirs.checkpoint_id = their_point.id
    CROSS JOIN source.domain ON domain.id = theirs.domain_id
    LEFT JOIN main.checkpoint AS our_point ON our_point.run_id = run_map.new AND our_point.variant = their_point.variant
                                          AND our_point.step = their_point.step
    LEFT JOIN main.eval AS ours
        ON ours.checkpoint_id = our_point.id AND ours.split = theirs.split
       AND ours.domain_id = (SELECT new FROM temp.domain_map WHERE domain_map.old = theirs.domain_id)
    WHERE run_map.action = 'compare'
      AND (ours.n, ours.correct, ours.accuracy, ours.nll, ours.ece, ours.macro_accuracy, ours.worst_class_accuracy)
          IS NOT (theirs.n, theirs.correct, theirs.accuracy, theirs.nll, theirs.ece, theirs.macro_accuracy,
                  theirs.worst_class_accuracy)
)
GROUP BY old;

INSERT INTO temp.difference (old, n, first)
SELECT old, ours - theirs, printf('%012d%d there, %d here', 0, theirs, ours)
FROM (
    SELECT run_map.old,
           (SELECT count(*) FROM source.checkpoint CROSS JOIN source.eval ON eval.checkpoint_id = checkpoint.id
            WHERE checkpoint.run_id = run_map.old) AS theirs,
           (SELECT count(*) FROM main.checkpoint CROSS JOIN main.eval ON eval.checkpoint_id = checkpoint.id
            WHERE checkpoint.run_id = run_map.new) AS ours
    FROM temp.run_map
    WHERE run_map.action = 'compare'
)
WHERE ours > theirs
ON CONFLICT DO NOTHING;

UPDATE temp.run_map SET action = 'conflict'
WHERE action = 'compare'
  AND (old IN (SELECT old FROM temp.difference)
       OR (SELECT status FROM source.run WHERE id = old) <> (SELECT status FROM main.run WHERE id = new));
UPDATE temp.run_map SET action = 'same' WHERE action = 'compare';

INSERT INTO temp.note
SELECT printf('run %s (%s, held out %s, trial %d): ', ours.key, ours.method, ours.held_out, ours.trial) ||
       CASE WHEN theirs.status <> ours.status THEN printf('%s there, %s here', theirs.status, ours.status)
            ELSE printf('%d evaluation%s other: %s', difference.n, CASE difference.n WHEN 1 THEN ' is' ELSE 's are' END,
                        substr(difference.first, 13)) END, 1
FROM temp.run_map
CROSS JOIN source.run AS theirs ON theirs.id = run_map.old
CROSS JOIN main.run AS ours ON ours.id = run_map.new
LEFT JOIN temp.difference ON difference.old = run_map.old
WHERE run_map.action = 'conflict'
ORDER BY run_map.old;

INSERT INTO temp.not_taken SELECT old FROM temp.run_map WHERE action IN ('keep', 'conflict');
INSERT INTO temp.tally SELECT action, count(*) FROM temp.run_map WHERE true GROUP BY action
ON CONFLICT DO UPDATE SET n = n + excluded.n;

-- Whatever became of a run: both files' experiments list it.
DELETE FROM temp.listed;
INSERT INTO temp.listed
SELECT experiment, run_map.new FROM temp.run_map CROSS JOIN source.run_experiment ON run_id = run_map.old
UNION
SELECT experiment, run_map.new FROM temp.run_map CROSS JOIN main.run_experiment ON run_id = run_map.new;

DELETE FROM main.run WHERE id IN (SELECT new FROM temp.run_map WHERE action = 'replace'); -- and all that hangs on it
DELETE FROM temp.run_map WHERE action NOT IN ('add', 'replace');

INSERT INTO main.run (id, key, dataset_id, method, held_out, n_held_out, split_rule, trial, hparams_seed, seed, variant,
                      status, message, steps, last_step, started, updated, finished, train_flops, train_seconds,
                      eval_seconds, data_seconds, peak_bytes, n_parameters, n_trainable, n_inference, threads, environment_id,
                      protocol, origin, spec)
SELECT run_map.new, key, (SELECT new FROM temp.dataset_map WHERE old = dataset_id), method, held_out, n_held_out,
       split_rule, trial, hparams_seed, seed, variant, status, message, steps, last_step, started, updated, finished,
       train_flops, train_seconds, eval_seconds, data_seconds, peak_bytes, n_parameters, n_trainable, n_inference, threads,
       (SELECT new FROM temp.environment_map WHERE old = environment_id), protocol, origin, spec
FROM temp.run_map
CROSS JOIN source.run ON run.id = run_map.old
ORDER BY run_map.new;

INSERT INTO main.run_experiment (experiment, run_id)
SELECT experiment, run_id FROM temp.listed WHERE true
ON CONFLICT DO NOTHING;

INSERT INTO main.run_domain (run_id, domain_id, role)
SELECT run_map.new, (SELECT new FROM temp.domain_map WHERE old = domain_id), role
FROM temp.run_map
CROSS JOIN source.run_domain ON run_id = run_map.old;

INSERT INTO main.hparam (run_id, name, value)
SELECT run_map.new, name, value FROM temp.run_map CROSS JOIN source.hparam ON run_id = run_map.old;

INSERT INTO main.train_log (run_id, step, name, value)
SELECT run_map.new, step, name, value FROM temp.run_map CROSS JOIN source.train_log ON run_id = run_map.old;

DELETE FROM temp.checkpoint_map;
INSERT INTO temp.checkpoint_map
SELECT checkpoint.id, (SELECT coalesce(max(id), 0) FROM main.checkpoint) + row_number() OVER (ORDER BY run_map.new, checkpoint.id)
FROM temp.run_map
CROSS JOIN source.checkpoint ON run_id = run_map.old;

INSERT INTO main.checkpoint (id, run_id, step, variant, source_accuracy, source_nll, validated_step)
SELECT checkpoint_map.new, run_map.new, step, variant, source_accuracy, source_nll, validated_step
FROM temp.run_map
CROSS JOIN source.checkpoint ON run_id = run_map.old
CROSS JOIN temp.checkpoint_map ON checkpoint_map.old = checkpoint.id
ORDER BY checkpoint_map.new;

INSERT INTO main.eval (checkpoint_id, domain_id, split, n, correct, accuracy, nll, ece, macro_accuracy,
                       worst_class_accuracy)
SELECT checkpoint_map.new, (SELECT new FROM temp.domain_map WHERE old = domain_id), split, n, correct, accuracy, nll, ece,
       macro_accuracy, worst_class_accuracy
FROM temp.checkpoint_map
CROSS JOIN source.eval ON checkpoint_id = checkpoint_map.old;

INSERT INTO main.outcome (checkpoint_id, image_id, split, predicted_class_id, confidence)
SELECT checkpoint_map.new, (SELECT new FROM temp.image_map WHERE old = image_id), split,
       (SELECT new FROM temp.class_map WHERE old = predicted_class_id), confidence
FROM temp.checkpoint_map
CROSS JOIN source.outcome ON checkpoint_id = checkpoint_map.old;

INSERT INTO main.run_candidate (run_id, variant, rule, checkpoint_id, step, value, source_accuracy, n_steps)
SELECT run_id, variant, rule, checkpoint_id, step, value, source_accuracy, n_steps
FROM main.run_candidate_source WHERE run_id IN (SELECT new FROM temp.run_map);

INSERT INTO main.left_out (run_id, domain_id, variant, step, accuracy)
SELECT run_id, domain_id, variant, step, accuracy
FROM main.left_out_source WHERE run_id IN (SELECT new FROM temp.run_map);
