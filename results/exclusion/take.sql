-- The lines of a reviewed list, temp.verdict (line, dataset, path, verdict, reason), find their images: temp.found, and
-- what is wrong with them: temp.complaint. See exclusion.h.
UPDATE temp.verdict SET verdict = lower(trim(verdict)); -- as people and spreadsheets write it
CREATE INDEX temp.verdict_path ON verdict (path);

CREATE TEMP TABLE found AS
SELECT verdict.line, image.id AS image_id, dataset.name AS dataset
FROM main.image
CROSS JOIN temp.verdict ON verdict.path = image.path
CROSS JOIN main.dataset ON dataset.id = image.dataset_id
WHERE verdict.dataset IS NULL OR verdict.dataset = dataset.name;
CREATE INDEX temp.found_line ON found (line);

CREATE TEMP TABLE complaint AS
SELECT line, printf('verdict "%s", expected exclude, keep or nothing', verdict) AS text
FROM temp.verdict
WHERE verdict NOT IN ('', 'exclude', 'keep')
UNION ALL
SELECT line, printf('no dataset "%s" in these results', dataset)
FROM temp.verdict
WHERE dataset IS NOT NULL AND dataset NOT IN (SELECT name FROM main.dataset)
UNION ALL
SELECT line, printf('no image "%s"%s', path, coalesce(' in ' || dataset, ' in these results'))
FROM temp.verdict
WHERE line NOT IN (SELECT line FROM temp.found)
  AND (dataset IS NULL OR dataset IN (SELECT name FROM main.dataset))
UNION ALL
SELECT line, printf('image "%s" is in %s: which one is meant has to stand in a column dataset', path,
                    group_concat(found.dataset, ' and '))
FROM temp.verdict
JOIN temp.found USING (line)
GROUP BY line
HAVING count(*) > 1
UNION ALL
SELECT later.line, printf('image "%s" stands in line %d, too', path, min(earlier.line))
FROM temp.found AS later
JOIN temp.found AS earlier ON earlier.image_id = later.image_id AND earlier.line < later.line
JOIN temp.verdict ON verdict.line = later.line
GROUP BY later.line;
