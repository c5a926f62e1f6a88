-- title: Reviewed lists of images, which tables can do without (--excluding)
SELECT exclusion.name, coalesce(group_concat(DISTINCT dataset.name), '') AS datasets,
       count(*) FILTER (WHERE verdict = 'exclude') AS excluded, count(*) FILTER (WHERE verdict = 'keep') AS kept, exclusion.source, exclusion.stored
FROM exclusion
LEFT JOIN exclusion_image ON exclusion_id = exclusion.id
LEFT JOIN image ON image.id = image_id
LEFT JOIN dataset ON dataset.id = image.dataset_id
GROUP BY exclusion.id
ORDER BY exclusion.name;
