-- part: lines
-- title: To see and make it again
-- note: In the folder of the results file. Experiment files are stored with every run (column spec).
WITH word AS (
    SELECT 'dgbench' AS program,
           ' --results ''' || replace(results, '''', '''\''''') || '''' AS file,
           coalesce(' --experiment ''' || replace(experiment, '''', '''\''''') || '''', '')
           || coalesce(' --dataset ''' || replace(dataset, '''', '''\''''') || '''', '')
           || coalesce(' --rule ' || rule, '') AS filter
    FROM option
)
SELECT program || ' report --html out' || file || filter AS line FROM word
UNION ALL
SELECT program || ' table accuracy' || file || filter FROM word
UNION ALL
SELECT program || ' query runs' || file FROM word;
