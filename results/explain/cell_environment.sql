-- title: Where and with what the runs were made
SELECT what, value, group_concat(run_id, ' ') AS runs
FROM (
    SELECT chosen.run_id, name.column1 AS position, name.column2 AS what,
           CASE name.column2
               WHEN 'origin' THEN run.origin WHEN 'protocol' THEN run.protocol
               WHEN 'version' THEN environment.version WHEN 'commit' THEN environment."commit"
               WHEN 'compiler' THEN environment.compiler WHEN 'blas' THEN environment.blas
               WHEN 'cpu' THEN environment.cpu || ', ' || environment.cores || ' cores'
               WHEN 'threads' THEN CAST(run.threads AS TEXT) ELSE substr(run.finished, 1, 10) END AS value
    FROM chosen
    JOIN run ON run.id = chosen.run_id
    JOIN environment ON environment.id = run.environment_id
    CROSS JOIN (VALUES (1, 'origin'), (2, 'protocol'), (3, 'version'), (4, 'commit'), (5, 'compiler'), (6, 'blas'),
                       (7, 'cpu'), (8, 'threads'), (9, 'finished')) AS name
)
WHERE value IS NOT NULL AND value <> ''
GROUP BY position, value
ORDER BY position, min(run_id);
