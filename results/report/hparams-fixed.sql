-- part: list
-- empty: None: every one differs.
-- title: Hyper-parameters that all selected runs share
SELECT section, name, format('%s', min(value)) AS value
FROM (SELECT DISTINCT section, run_id FROM run_selected)
JOIN main.hparam USING (run_id)
WHERE name <> 'method.label'
GROUP BY section, name
HAVING count(DISTINCT value) = 1
ORDER BY section, name;
