-- part: table
-- title: Datasets
-- caption: what the datasets hold; the fingerprint names their content
SELECT dataset.name AS "Dataset", n_images AS "Images", (SELECT count(*) FROM main.class WHERE dataset_id = dataset.id) AS "Classes",
       (SELECT group_concat(name, ', ') FROM (SELECT name FROM main.domain WHERE dataset_id = dataset.id ORDER BY position)) AS "Domains",
       fingerprint AS "Fingerprint"
FROM main.dataset
WHERE id IN (SELECT dataset_id FROM run_shown)
ORDER BY dataset.name;
