-- part: lines
-- title: To see and make it again
-- note: In the folder of the results file. The last two work with every run key of the page: explain says what stands behind a run, run --again makes it once more from its stored spec and compares it bit for bit.
WITH word AS (
    SELECT 'dgbench' AS program,
           ' --results ''' || replace(results, '''', '''\''''') || '''' AS file,
           coalesce(' --experiment ''' || replace(experiment, '''', '''\''''') || '''', '')
           || coalesce(' --dataset ''' || replace(dataset, '''', '''\''''') || '''', '')
           || coalesce(' --rule ' || rule, '')
           || coalesce(' --excluding ''' || replace(excluding, '''', '''\''''') || '''', '') AS filter
    FROM option
)
SELECT program || ' report --html out' || file || filter AS line FROM word
UNION ALL
SELECT program || ' table accuracy' || file || filter FROM word
UNION ALL
SELECT program || ' query runs' || file FROM word
UNION ALL
SELECT program || ' explain --run ' || key || file FROM word JOIN (
    SELECT substr(key, 1, 16) AS key FROM main.run WHERE id = (SELECT min(run_id) FROM run_selected))
UNION ALL
SELECT program || ' run --again ' || key || file || ' --into again.db' FROM word JOIN (
    SELECT substr(key, 1, 16) AS key FROM main.run WHERE id = (SELECT min(run_id) FROM run_selected));
