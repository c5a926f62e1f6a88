-- Views of the results database. They are made anew whenever the schema is: a view is changed here, together with a new
-- version number (store.h). Every rule is SQL over rows; only runs that are done are ever averaged.

-- One row per run and experiment that lists it, with the names spelled out.
DROP VIEW IF EXISTS run_info;
CREATE VIEW run_info AS
SELECT run.id AS run_id, run_experiment.experiment, dataset.name AS dataset, run.dataset_id, run.method, run.held_out,
       run.n_held_out, run.split_rule, run.trial, run.hparams_seed, run.seed, run.variant, run.status, run.message,
       run.steps, run.last_step, run.started, run.updated, run.finished, run.key
FROM run
JOIN dataset ON dataset.id = run.dataset_id
LEFT JOIN run_experiment ON run_experiment.run_id = run.id;

-- Every evaluation with the names spelled out: run, step, variant, domain, split and what was measured.
DROP VIEW IF EXISTS eval_info;
CREATE VIEW eval_info AS
SELECT checkpoint.run_id, checkpoint.step, checkpoint.variant, domain.name AS domain, run_domain.role, eval.split, eval.n,
       eval.correct, eval.accuracy, eval.nll, eval.ece, eval.macro_accuracy, eval.worst_class_accuracy,
       eval.checkpoint_id, eval.domain_id
FROM eval
JOIN checkpoint ON checkpoint.id = eval.checkpoint_id
JOIN domain ON domain.id = eval.domain_id
LEFT JOIN run_domain ON run_domain.run_id = checkpoint.run_id AND run_domain.domain_id = eval.domain_id;

-- Leave-one-domain-out validates a run that holds out t on the runs that hold out {t, v}, one for every other domain v of
-- the dataset. One row per such run, experiment and v, both of them done; pair_run_id is the run that holds out {t, v},
-- n_others the number of other domains. The order of the joins is fixed: runs are found by the index that covers what
-- groups them.
DROP VIEW IF EXISTS validation_pair;
CREATE VIEW validation_pair AS
WITH naming AS MATERIALIZED (
    SELECT t.dataset_id, t.name AS held_out, other.id AS domain_id,
           CASE WHEN t.position < other.position THEN t.name || '+' || other.name
                ELSE other.name || '+' || t.name END AS held_out_both,
           count(*) OVER (PARTITION BY t.id ORDER BY other.id
                          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS n_others
    FROM domain AS t
    JOIN domain AS other ON other.dataset_id = t.dataset_id AND other.id <> t.id
)
SELECT listed.experiment, single.id AS run_id, single.dataset_id, naming.domain_id, pair.id AS pair_run_id,
       naming.n_others
FROM run AS single INDEXED BY run_group
CROSS JOIN run_experiment AS listed ON listed.run_id = single.id
CROSS JOIN naming ON naming.dataset_id = single.dataset_id AND naming.held_out = single.held_out
CROSS JOIN run AS pair INDEXED BY run_group
        ON pair.dataset_id = single.dataset_id AND pair.method = single.method AND pair.held_out = naming.held_out_both
       AND pair.trial = single.trial AND pair.hparams_seed = single.hparams_seed AND pair.split_rule = single.split_rule
       AND pair.status = 'done' AND pair.n_held_out = 2
CROSS JOIN run_experiment AS pair_listed ON pair_listed.experiment = listed.experiment AND pair_listed.run_id = pair.id
WHERE single.status = 'done' AND single.n_held_out = 1;

-- Steps that two runs of one experiment and group (dataset, method, held-out domains, trial, hparams_seed, split rule)
-- have, for runs that hold out one or two: which of the two is meant can't be known.
DROP VIEW IF EXISTS doubled_step;
CREATE VIEW doubled_step AS
SELECT listed.experiment, run.id AS run_id, checkpoint.variant, checkpoint.step
FROM (
    SELECT dataset_id, method, held_out, trial, hparams_seed, split_rule
    FROM run INDEXED BY run_group
    WHERE status = 'done' AND n_held_out <= 2
    GROUP BY dataset_id, method, held_out, trial, hparams_seed, split_rule
    HAVING count(*) > 1
) AS same
CROSS JOIN run INDEXED BY run_group USING (dataset_id, method, held_out, trial, hparams_seed, split_rule)
CROSS JOIN run AS twin INDEXED BY run_group USING (dataset_id, method, held_out, trial, hparams_seed, split_rule)
CROSS JOIN run_experiment AS listed ON listed.run_id = run.id
CROSS JOIN run_experiment AS twin_listed ON twin_listed.run_id = twin.id AND twin_listed.experiment = listed.experiment
CROSS JOIN checkpoint ON checkpoint.run_id = run.id
CROSS JOIN checkpoint AS other ON other.run_id = twin.id AND other.variant = checkpoint.variant
                              AND other.step = checkpoint.step
WHERE run.status = 'done' AND twin.status = 'done' AND twin.id <> run.id;

-- Accuracy on each of the two domains that a run holds out, at each checkpoint. Table left_out keeps these rows.
DROP VIEW IF EXISTS left_out_source;
CREATE VIEW left_out_source AS
SELECT run.id AS run_id, run_domain.domain_id, checkpoint.variant, checkpoint.step, eval.accuracy
FROM run
CROSS JOIN run_domain ON run_domain.run_id = run.id AND run_domain.role = 'held_out'
CROSS JOIN checkpoint ON checkpoint.run_id = run.id
CROSS JOIN eval ON eval.checkpoint_id = checkpoint.id AND eval.domain_id = run_domain.domain_id AND eval.split = 'in'
WHERE run.status = 'done' AND run.n_held_out = 2;

-- Leave-one-domain-out value of each checkpoint of a run that holds out one domain, t: the mean over v of the in-split
-- accuracy on v of the run that holds out {t, v}, at the same step. Only where there is exactly one run of each kind
-- with that step: a missing, unfinished or doubled one leaves the step out (DomainBed's LeaveOneOutSelectionMethod).
-- MATERIALIZED: else SQLite reads it once for each place that names it.
DROP VIEW IF EXISTS leave_one_domain_out;
CREATE VIEW leave_one_domain_out AS
WITH pair AS MATERIALIZED (
    SELECT experiment, run_id, domain_id, pair_run_id, n_others FROM validation_pair
),
doubled AS MATERIALIZED (
    SELECT experiment, run_id, variant, step FROM doubled_step
    UNION
    SELECT doubled_step.experiment, pair.run_id, variant, step
    FROM doubled_step
    JOIN pair ON pair.experiment = doubled_step.experiment AND pair.pair_run_id = doubled_step.run_id
)
SELECT valued.experiment, valued.run_id, valued.variant, own.id AS checkpoint_id, valued.step, valued.value
FROM (
    SELECT pair.experiment, pair.run_id, left_out.variant, left_out.step, avg(left_out.accuracy) AS value
    FROM pair
    CROSS JOIN left_out ON left_out.run_id = pair.pair_run_id AND left_out.domain_id = pair.domain_id
    GROUP BY pair.run_id, left_out.step, left_out.variant, pair.experiment
    HAVING count(*) = pair.n_others
) AS valued
CROSS JOIN checkpoint AS own ON own.run_id = valued.run_id AND own.variant = valued.variant AND own.step = valued.step
WHERE NOT EXISTS (SELECT 1 FROM doubled)
   OR (valued.experiment, valued.run_id, valued.variant, valued.step) NOT IN doubled;

-- For each run that is done and each variant of its weights, the checkpoint that a selection rule takes from it by this
-- run alone, and the value by which the rule then compares runs that differ in their hyper-parameters only. n_steps: the
-- checkpoints it was taken from. Table run_candidate keeps these rows.
--   training-domain       best mean out-split accuracy over the source domains; on a tie the earliest step
--   last                  the last checkpoint, compared by training-domain's value
--   oracle                the last checkpoint, compared by the held-out domains' out split
DROP VIEW IF EXISTS run_candidate_source;
CREATE VIEW run_candidate_source AS
SELECT run.id AS run_id, last.variant, rules.rule, chosen.id AS checkpoint_id, chosen.step,
       CASE rules.rule
           WHEN 'oracle' THEN (SELECT CASE WHEN count(accuracy) = count(*) THEN avg(accuracy) END
                               FROM run_domain
                               LEFT JOIN eval ON eval.checkpoint_id = chosen.id
                                             AND eval.domain_id = run_domain.domain_id AND eval.split = 'out'
                               WHERE run_domain.run_id = run.id AND run_domain.role = 'held_out')
           ELSE chosen.source_accuracy END AS value,
       chosen.source_accuracy,
       CASE rules.rule
           WHEN 'training-domain' THEN (SELECT count(source_accuracy) FROM checkpoint AS one
                                        WHERE one.run_id = run.id AND one.variant = last.variant)
           ELSE 1 END AS n_steps
FROM run
CROSS JOIN checkpoint AS last ON last.run_id = run.id
CROSS JOIN (SELECT 'training-domain' AS rule UNION ALL SELECT 'last' UNION ALL SELECT 'oracle') AS rules
CROSS JOIN checkpoint AS chosen ON chosen.id = CASE rules.rule
    WHEN 'training-domain' THEN (SELECT id FROM checkpoint AS one
                                 WHERE one.run_id = run.id AND one.variant = last.variant
                                   AND one.source_accuracy IS NOT NULL
                                 ORDER BY one.source_accuracy DESC, one.step LIMIT 1)
    ELSE last.id END
WHERE run.status = 'done'
  AND NOT EXISTS (SELECT 1 FROM checkpoint AS later
                  WHERE later.run_id = run.id AND later.variant = last.variant AND later.step > last.step);

-- The candidates of leave-one-domain-out: best mean accuracy on each other domain when that one is held out, too; on a
-- tie the earliest step.
DROP VIEW IF EXISTS candidate_left_out;
CREATE VIEW candidate_left_out AS
SELECT 'leave-one-domain-out' AS rule, best.experiment, run.dataset_id, run.split_rule, run.method, run.held_out,
       run.n_held_out, run.trial, run.hparams_seed, best.variant = run.variant AS reported, best.run_id, best.variant,
       best.checkpoint_id, best.step, best.value, checkpoint.source_accuracy, best.n_steps
FROM (
    -- Columns beside min() and max() are those of the row they are from: one row each, by the grouping below.
    SELECT experiment, run_id, variant, checkpoint_id, step, max(value) AS value, sum(n_steps) AS n_steps
    FROM (
        SELECT experiment, run_id, variant, checkpoint_id, min(step) AS step, value, count(*) AS n_steps
        FROM leave_one_domain_out
        GROUP BY run_id, value, variant, experiment
    )
    GROUP BY run_id, variant, experiment
) AS best
CROSS JOIN run ON run.id = best.run_id
CROSS JOIN checkpoint ON checkpoint.id = best.checkpoint_id;

-- The candidates of all rules, for each experiment that lists the run.
DROP VIEW IF EXISTS candidate_alone;
CREATE VIEW candidate_alone AS
SELECT run_candidate.rule, run_experiment.experiment, run.dataset_id, run.split_rule, run.method, run.held_out,
       run.n_held_out, run.trial, run.hparams_seed, run_candidate.variant = run.variant AS reported, run.id AS run_id,
       run_candidate.variant, run_candidate.checkpoint_id, run_candidate.step, run_candidate.value,
       run_candidate.source_accuracy, run_candidate.n_steps
FROM run INDEXED BY run_group
CROSS JOIN run_experiment ON run_experiment.run_id = run.id
CROSS JOIN run_candidate ON run_candidate.run_id = run.id;

DROP VIEW IF EXISTS candidate;
CREATE VIEW candidate AS
SELECT * FROM candidate_alone
UNION ALL
SELECT * FROM candidate_left_out;

-- Of each group (experiment, dataset, split rule, method, held-out domains, trial, variant) and rule, the run with the
-- best value; on a tie the later hparams_seed, as DomainBed. n_runs: runs it was chosen from; n_steps: their checkpoints.
-- SQLite groups faster than it ranks: the best value of each group first, then the run that has it. Leave-one-domain-out
-- ranks, because its values are too dear to be looked up again.
DROP VIEW IF EXISTS selected;
CREATE VIEW selected AS
SELECT best.rule, best.experiment, best.dataset_id, best.split_rule, best.method, best.held_out, best.n_held_out,
       best.trial, best.variant, checkpoint.variant = run.variant AS reported, checkpoint.run_id,
       checkpoint.id AS checkpoint_id, checkpoint.step, run.hparams_seed, best.value, checkpoint.source_accuracy,
       best.n_runs, best.n_steps
FROM (
    SELECT rule, experiment, dataset_id, split_rule, method, held_out, n_held_out, trial, variant, max(value) AS value,
           count(*) AS n_runs, sum(n_steps) AS n_steps
    FROM candidate_alone
    GROUP BY dataset_id, method, held_out, trial, rule, variant, experiment, split_rule, n_held_out
) AS best
CROSS JOIN checkpoint ON checkpoint.id = (
    SELECT checkpoint_id
    FROM candidate_alone AS one
    WHERE one.dataset_id = best.dataset_id AND one.method = best.method AND one.held_out = best.held_out
      AND one.trial = best.trial AND one.split_rule = best.split_rule AND one.n_held_out = best.n_held_out
      AND one.rule = best.rule AND one.experiment = best.experiment AND one.variant = best.variant
      AND one.value IS best.value
    ORDER BY one.hparams_seed DESC, one.run_id DESC LIMIT 1)
CROSS JOIN run ON run.id = checkpoint.run_id
UNION ALL
SELECT rule, experiment, dataset_id, split_rule, method, held_out, n_held_out, trial, variant, reported, run_id,
       checkpoint_id, step, hparams_seed, value, source_accuracy, n_runs, all_steps
FROM (
    SELECT *,
           first_value(run_id) OVER same AS best_run_id,
           count(*) OVER same AS n_runs,
           sum(n_steps) OVER same AS all_steps
    FROM candidate_left_out
    WINDOW same AS (PARTITION BY dataset_id, trial, held_out, n_held_out, method, rule, variant, experiment, split_rule
                    ORDER BY value DESC, hparams_seed DESC, run_id DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE run_id = best_run_id;

-- THE result: one row per selected run and held-out domain. accuracy: the domain's in split, as DomainBed scores;
-- out_accuracy: its out split; whole_accuracy: all of it, weighted by images (NULL where an import
-- does not know their number). reported = 1: the weights that the method stands for.
-- n_held_out > 1: the run held out several domains, each has its row.
DROP VIEW IF EXISTS result;
CREATE VIEW result AS
SELECT selected.rule, selected.experiment, dataset.name AS dataset, selected.split_rule, selected.method,
       selected.held_out, selected.n_held_out, domain.name AS domain, domain.position AS domain_position,
       selected.trial, selected.variant, selected.reported, in_split.accuracy AS accuracy,
       out_split.accuracy AS out_accuracy,
       (SELECT CASE WHEN count(n) = count(*) THEN sum(eval.accuracy * n) / sum(n) END
        FROM eval
        WHERE eval.checkpoint_id = selected.checkpoint_id AND eval.domain_id = domain.id) AS whole_accuracy,
       selected.source_accuracy AS validation_accuracy, selected.value AS rule_value, selected.run_id,
       selected.checkpoint_id, selected.step, selected.hparams_seed, selected.n_runs, selected.n_steps
FROM selected
JOIN dataset ON dataset.id = selected.dataset_id
JOIN run_domain ON run_domain.run_id = selected.run_id AND run_domain.role = 'held_out'
JOIN domain ON domain.id = run_domain.domain_id
LEFT JOIN eval AS in_split ON in_split.checkpoint_id = selected.checkpoint_id AND in_split.domain_id = domain.id
                          AND in_split.split = 'in'
LEFT JOIN eval AS out_split ON out_split.checkpoint_id = selected.checkpoint_id AND out_split.domain_id = domain.id
                           AND out_split.split = 'out';

-- The same in long form, so that a table chooses what it scores: scored is in, out, whole or validation.
DROP VIEW IF EXISTS scored_result;
CREATE VIEW scored_result AS
SELECT * FROM (
    SELECT scored, CASE scored WHEN 'in' THEN accuracy WHEN 'out' THEN out_accuracy WHEN 'whole' THEN whole_accuracy
                               ELSE validation_accuracy END AS score, result.*
    FROM result
    CROSS JOIN (SELECT 'in' AS scored UNION ALL SELECT 'out' UNION ALL SELECT 'whole' UNION ALL SELECT 'validation')
)
WHERE score IS NOT NULL;

-- Mean over trials, and standard error as DomainBed computes it: population standard deviation / sqrt(trials);
-- sample_stderr: from the sample deviation (divided by trials - 1), NULL for one trial. Windows,
-- not GROUP BY: SQLite pushes a filter on rule, experiment, ... down through them, which makes tables fast.
DROP VIEW IF EXISTS cell;
CREATE VIEW cell AS
SELECT rule, scored, experiment, dataset, split_rule, method, held_out, n_held_out, domain, domain_position, variant,
       reported, mean, sqrt(variance / n_trials) AS stderr, sqrt(variance / (n_trials - 1)) AS sample_stderr, n_trials, all_runs AS n_runs, all_steps AS n_steps,
       first_run_id
FROM (
    SELECT *, avg((score - mean) * (score - mean)) OVER same AS variance
    FROM (
        SELECT *, avg(score) OVER same AS mean, count(*) OVER same AS n_trials, sum(n_runs) OVER same AS all_runs,
               sum(n_steps) OVER same AS all_steps, min(run_id) OVER same AS first_run_id,
               row_number() OVER same AS place
        FROM scored_result
        WINDOW same AS (PARTITION BY rule, scored, experiment, dataset, split_rule, method, held_out, n_held_out, domain, variant)
    )
    WINDOW same AS (PARTITION BY rule, scored, experiment, dataset, split_rule, method, held_out, n_held_out, domain, variant)
)
WHERE place = 1;

-- How many runs of each status an experiment has. Diverged, failed and unfinished runs are in no result: count them here.
DROP VIEW IF EXISTS run_count;
CREATE VIEW run_count AS
SELECT run_experiment.experiment, dataset.name AS dataset, run.split_rule, run.method, run.held_out, run.n_held_out,
       run.status, count(*) AS n_runs
FROM run
JOIN run_experiment ON run_experiment.run_id = run.id
JOIN dataset ON dataset.id = run.dataset_id
GROUP BY run_experiment.experiment, run.dataset_id, run.split_rule, run.method, run.held_out, run.status;

-- What runs took.
DROP VIEW IF EXISTS run_cost;
CREATE VIEW run_cost AS
SELECT run.id AS run_id, dataset.name AS dataset, run.method, run.held_out, run.trial, run.hparams_seed, run.status,
       run.last_step AS steps, run.n_parameters, run.n_trainable, run.n_inference, run.train_flops, run.train_seconds, run.eval_seconds,
       run.data_seconds, run.train_seconds + run.eval_seconds AS total_seconds,
       1000.0 * run.train_seconds / nullif(run.last_step, 0) AS ms_per_step,
       run.train_flops / nullif(run.train_seconds, 0) / 1e9 AS train_gflops_per_second,
       run.peak_bytes, run.threads, environment.cpu, environment.blas, environment.compiler, environment.version,
       environment."commit"
FROM run
JOIN dataset ON dataset.id = run.dataset_id
JOIN environment ON environment.id = run.environment_id;

-- The cut points of every IP/OOP rule for every dataset and pretrained scorer it fits. A quantile q is the lowest score
-- that at least a fraction q of the other images lie at or below.
DROP VIEW IF EXISTS ip_oop_cut;
CREATE VIEW ip_oop_cut AS
SELECT ip_oop_rule.name AS ip_oop_rule, scorer.id AS scorer_id, dataset.id AS dataset_id, low, split, high
FROM ip_oop_rule
JOIN scorer ON scorer.name GLOB ip_oop_rule.scorer AND scorer.run_id IS NULL
JOIN dataset
WHERE kind = 'threshold'
UNION ALL
SELECT ip_oop_rule.name, ranked.scorer_id, ranked.dataset_id,
       min(CASE WHEN ranked.rank >= low THEN ranked.score END),
       min(CASE WHEN ranked.rank >= split THEN ranked.score END),
       min(CASE WHEN ranked.rank >= high THEN ranked.score END)
FROM (
    SELECT alignment.scorer_id, image.dataset_id, scorer.name, alignment.score,
           coalesce((count(*) OVER (PARTITION BY alignment.scorer_id, image.dataset_id ORDER BY alignment.score) - 1.0)
                    / nullif(count(*) OVER (PARTITION BY alignment.scorer_id, image.dataset_id) - 1, 0), 1.0) AS rank
    FROM scorer
    CROSS JOIN alignment ON alignment.scorer_id = scorer.id
    CROSS JOIN image ON image.id = alignment.image_id
    WHERE alignment.score IS NOT NULL AND scorer.run_id IS NULL
) AS ranked
JOIN ip_oop_rule ON ranked.name GLOB ip_oop_rule.scorer AND kind = 'quantile'
GROUP BY ip_oop_rule.id, ranked.scorer_id, ranked.dataset_id;

-- Every outcome with what image it was about: the base of confusion matrices and of the two views below.
DROP VIEW IF EXISTS outcome_info;
CREATE VIEW outcome_info AS
SELECT outcome.checkpoint_id, checkpoint.run_id, checkpoint.step, checkpoint.variant, outcome.image_id, image.dataset_id,
       domain.name AS domain, outcome.split, image.path, image.concept, class.name AS class,
       predicted.name AS predicted, outcome.predicted_class_id = image.class_id AS correct, outcome.confidence
FROM outcome
JOIN checkpoint ON checkpoint.id = outcome.checkpoint_id
JOIN image ON image.id = outcome.image_id
JOIN domain ON domain.id = image.domain_id
JOIN class ON class.id = image.class_id
JOIN class AS predicted ON predicted.id = outcome.predicted_class_id;

-- Accuracy per bucket (ip, oop, low, high) of every checkpoint that has outcomes, for every rule and scorer. Ask for some
-- checkpoints (checkpoint_id IN ...): the others are then not read.
DROP VIEW IF EXISTS ip_oop;
CREATE VIEW ip_oop AS
SELECT ip_oop_cut.ip_oop_rule, scorer.name AS scorer, checkpoint.id AS checkpoint_id, checkpoint.run_id, checkpoint.step,
       checkpoint.variant, domain.name AS domain,
       CASE WHEN alignment.score < ip_oop_cut.low THEN 'low'
            WHEN alignment.score > ip_oop_cut.high THEN 'high'
            WHEN alignment.score >= ip_oop_cut.split THEN 'ip'
            ELSE 'oop' END AS bucket,
       count(*) AS n, sum(outcome.predicted_class_id = image.class_id) AS correct,
       avg(outcome.predicted_class_id = image.class_id) AS accuracy
FROM checkpoint
CROSS JOIN run ON run.id = checkpoint.run_id
CROSS JOIN ip_oop_cut ON ip_oop_cut.dataset_id = run.dataset_id
CROSS JOIN scorer ON scorer.id = ip_oop_cut.scorer_id
CROSS JOIN outcome ON outcome.checkpoint_id = checkpoint.id
CROSS JOIN image ON image.id = outcome.image_id
CROSS JOIN domain ON domain.id = image.domain_id
CROSS JOIN alignment ON alignment.scorer_id = scorer.id AND alignment.image_id = image.id
WHERE alignment.score IS NOT NULL
GROUP BY ip_oop_cut.ip_oop_rule, scorer.id, checkpoint.id, domain.id, bucket;

-- `result` by bucket: one row per selected run, held-out domain, rule and scorer, over all outcomes of the domain that have
-- a score. What is dropped (low, high) is only counted: all_accuracy is that of the IP and OOP images.
DROP VIEW IF EXISTS ip_oop_result;
CREATE VIEW ip_oop_result AS
SELECT rule, experiment, dataset, split_rule, method, held_out, n_held_out, domain, domain_position, trial, variant,
       reported, run_id, checkpoint_id, ip_oop_rule, scorer, n_ip, n_oop, n_low, n_high, ip_correct, oop_correct,
       1.0 * ip_correct / nullif(n_ip, 0) AS ip_accuracy, 1.0 * oop_correct / nullif(n_oop, 0) AS oop_accuracy,
       1.0 * (ip_correct + oop_correct) / nullif(n_ip + n_oop, 0) AS all_accuracy
FROM (
    SELECT selected.rule, selected.experiment, dataset.name AS dataset, selected.split_rule, selected.method,
           selected.held_out, selected.n_held_out, domain.name AS domain, domain.position AS domain_position,
           selected.trial, selected.variant, selected.reported, selected.run_id, selected.checkpoint_id,
           ip_oop_cut.ip_oop_rule, scorer.name AS scorer,
           sum(alignment.score >= ip_oop_cut.split AND alignment.score <= ip_oop_cut.high) AS n_ip,
           sum(alignment.score >= ip_oop_cut.low AND alignment.score < ip_oop_cut.split) AS n_oop,
           sum(alignment.score < ip_oop_cut.low) AS n_low, sum(alignment.score > ip_oop_cut.high) AS n_high,
           sum(alignment.score >= ip_oop_cut.split AND alignment.score <= ip_oop_cut.high
               AND outcome.predicted_class_id = image.class_id) AS ip_correct,
           sum(alignment.score >= ip_oop_cut.low AND alignment.score < ip_oop_cut.split
               AND outcome.predicted_class_id = image.class_id) AS oop_correct
    FROM selected
    CROSS JOIN dataset ON dataset.id = selected.dataset_id
    CROSS JOIN run_domain ON run_domain.run_id = selected.run_id AND run_domain.role = 'held_out'
    CROSS JOIN domain ON domain.id = run_domain.domain_id
    CROSS JOIN ip_oop_cut ON ip_oop_cut.dataset_id = selected.dataset_id
    CROSS JOIN scorer ON scorer.id = ip_oop_cut.scorer_id
    CROSS JOIN outcome ON outcome.checkpoint_id = selected.checkpoint_id
    CROSS JOIN image ON image.id = outcome.image_id AND image.domain_id = domain.id
    CROSS JOIN alignment ON alignment.scorer_id = scorer.id AND alignment.image_id = image.id
    WHERE alignment.score IS NOT NULL
    GROUP BY selected.rule, selected.experiment, dataset.name, selected.split_rule, selected.method, selected.held_out,
             selected.n_held_out, selected.trial, selected.variant, selected.reported, selected.run_id,
             selected.checkpoint_id, domain.id, scorer.id, ip_oop_cut.ip_oop_rule
);

-- Accuracy over bins of the alignment score, 0.02 wide; bin_low is the lower end, which is in.
DROP VIEW IF EXISTS alignment_bin;
CREATE VIEW alignment_bin AS
SELECT scorer.name AS scorer, checkpoint.id AS checkpoint_id, checkpoint.run_id, checkpoint.step, checkpoint.variant,
       domain.name AS domain, floor(alignment.score * 50) / 50 AS bin_low, count(*) AS n,
       sum(outcome.predicted_class_id = image.class_id) AS correct,
       avg(outcome.predicted_class_id = image.class_id) AS accuracy
FROM checkpoint
CROSS JOIN outcome ON outcome.checkpoint_id = checkpoint.id
CROSS JOIN image ON image.id = outcome.image_id
CROSS JOIN domain ON domain.id = image.domain_id
CROSS JOIN scorer
CROSS JOIN alignment ON alignment.scorer_id = scorer.id AND alignment.image_id = image.id
WHERE alignment.score IS NOT NULL
GROUP BY scorer.id, checkpoint.id, domain.id, bin_low;
