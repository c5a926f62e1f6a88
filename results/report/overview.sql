-- part: facts
-- title: What was measured
SELECT 'Experiments' AS name, CASE WHEN count(*) <= 12 THEN group_concat(experiment, ', ')
                                   ELSE count(*) || ' experiments' END AS value
FROM (SELECT experiment FROM reading ORDER BY experiment)
UNION ALL
SELECT 'Protocol', group_concat(protocol, ', ')
FROM (SELECT DISTINCT protocol FROM reading WHERE protocol <> '' ORDER BY protocol)
UNION ALL
SELECT 'Datasets', group_concat(name || ' (' || domains || ' domains, ' || n_images || ' images)', '; ')
FROM (
    SELECT dataset.name, n_images, (SELECT count(*) FROM domain WHERE dataset_id = dataset.id) AS domains
    FROM dataset
    WHERE id IN (SELECT dataset_id FROM run_shown)
    ORDER BY dataset.name
)
UNION ALL
SELECT 'Methods', group_concat(method, ', ')
FROM (SELECT method FROM run_shown GROUP BY method ORDER BY min(run_id))
UNION ALL
SELECT 'Network', group_concat(net, ', ')
FROM (SELECT DISTINCT json_extract(spec, '$.net.name')
             || coalesce(' at ' || json_extract(spec, '$.data.image_size') || ' pixels', '') AS net
      FROM run JOIN run_selected ON run_selected.run_id = run.id)
UNION ALL
SELECT 'Runs', group_concat(n || ' ' || status, ', ')
FROM (SELECT status, count(*) AS n FROM run_shown
      GROUP BY status ORDER BY status <> 'done', status)
UNION ALL
SELECT 'Trials', CASE WHEN min(n_trials) = max(n_trials) THEN min(n_trials)
                      ELSE min(n_trials) || ' to ' || max(n_trials) END || ' per cell'
FROM shown HAVING count(*) > 0
UNION ALL
SELECT 'Hyper-parameters', CASE WHEN max(n) = 1 THEN 'one set per method'
                                ELSE 'the best of ' || CASE WHEN min(n) = max(n) THEN '' ELSE 'up to ' END || max(n)
                                     || ' runs per trial' END
FROM (SELECT n_runs AS n FROM run_selected) HAVING count(*) > 0
UNION ALL
SELECT 'Selected by', group_concat(text, '; ')
FROM (SELECT DISTINCT CASE rule WHEN 'training-domain' THEN 'training-domain validation: best mean accuracy on the out splits of the source domains'
                                WHEN 'leave-one-domain-out' THEN 'leave-one-domain-out: best mean accuracy on each other domain when that one is held out, too'
                                WHEN 'oracle' THEN 'oracle: last checkpoint, hyper-parameters by the held-out domain''s out split'
                                ELSE 'the last checkpoint' END AS text FROM reading)
UNION ALL
SELECT 'Scored on', group_concat(text, '; ')
FROM (SELECT DISTINCT CASE scored WHEN 'in' THEN 'the held-out domain''s in split (as DomainBed)'
                                  WHEN 'out' THEN 'the held-out domain''s out split' ELSE 'the whole held-out domain' END AS text
      FROM reading)
UNION ALL
SELECT 'Standard errors', group_concat(text, '; ')
FROM (SELECT DISTINCT CASE stderr_of WHEN 'population' THEN 'from the population deviation over the trials (as DomainBed)'
                                     ELSE 'from the sample deviation over the trials' END AS text FROM reading)
UNION ALL
SELECT 'Last change', max(updated) FROM run_shown;
