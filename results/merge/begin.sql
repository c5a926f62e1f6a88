-- Merging, part 1 of 3, one transaction: what runs refer to. The file that is read is attached as "source"; "main" is the
-- one that is written. A *_map says which id here (new) a row there (old) has. See merge.h.

DROP TABLE IF EXISTS temp.dataset_map;
DROP TABLE IF EXISTS temp.domain_map;
DROP TABLE IF EXISTS temp.class_map;
DROP TABLE IF EXISTS temp.image_map;
DROP TABLE IF EXISTS temp.environment_map;
DROP TABLE IF EXISTS temp.scorer_map;
DROP TABLE IF EXISTS temp.run_map;
DROP TABLE IF EXISTS temp.checkpoint_map;
DROP TABLE IF EXISTS temp.difference;
DROP TABLE IF EXISTS temp.listed;
DROP TABLE IF EXISTS temp.not_taken;
DROP TABLE IF EXISTS temp.progress;
DROP TABLE IF EXISTS temp.tally;
DROP TABLE IF EXISTS temp.note;
DROP TABLE IF EXISTS temp.refusal;
CREATE TEMP TABLE dataset_map (old INTEGER PRIMARY KEY, new INTEGER, is_new INTEGER NOT NULL);
CREATE TEMP TABLE domain_map (old INTEGER PRIMARY KEY, new INTEGER NOT NULL);
CREATE TEMP TABLE class_map (old INTEGER PRIMARY KEY, new INTEGER NOT NULL);
CREATE TEMP TABLE image_map (old INTEGER PRIMARY KEY, new INTEGER NOT NULL);
CREATE TEMP TABLE environment_map (old INTEGER PRIMARY KEY, new INTEGER NOT NULL);
CREATE TEMP TABLE scorer_map (old INTEGER PRIMARY KEY, new INTEGER NOT NULL);
CREATE TEMP TABLE run_map (old INTEGER PRIMARY KEY, new INTEGER NOT NULL, action TEXT NOT NULL);
CREATE TEMP TABLE checkpoint_map (old INTEGER PRIMARY KEY, new INTEGER NOT NULL);
CREATE TEMP TABLE difference (old INTEGER PRIMARY KEY, n INTEGER NOT NULL, first TEXT);
CREATE TEMP TABLE listed (experiment TEXT NOT NULL, run_id INTEGER NOT NULL, PRIMARY KEY (experiment, run_id));
CREATE TEMP TABLE not_taken (old INTEGER PRIMARY KEY);                          -- runs whose rows here are others
CREATE TEMP TABLE progress (last INTEGER NOT NULL);                              -- highest run id that is through
CREATE TEMP TABLE tally (action TEXT PRIMARY KEY, n INTEGER NOT NULL);          -- runs by what became of them
CREATE TEMP TABLE note (text TEXT NOT NULL, is_conflict INTEGER NOT NULL);      -- what people have to know
CREATE TEMP TABLE refusal (text TEXT NOT NULL);                                 -- why this file can't be merged

-- Datasets are the same when their fingerprints are; a name that belongs to another content gets a suffix.
INSERT INTO temp.dataset_map (old, is_new)
SELECT id, fingerprint NOT IN (SELECT fingerprint FROM main.dataset) FROM source.dataset;

INSERT INTO temp.note
SELECT printf('dataset "%s" has another content than the one of this name here, and is called "%s@%s"', theirs.name,
              theirs.name, substr(theirs.fingerprint, 1, 8)), 0
FROM source.dataset AS theirs
JOIN temp.dataset_map AS map ON map.old = theirs.id AND map.is_new
JOIN main.dataset AS ours ON ours.name = theirs.name;

INSERT INTO main.dataset (name, fingerprint, n_images)
SELECT CASE WHEN EXISTS (SELECT 1 FROM main.dataset AS ours WHERE ours.name = theirs.name)
            THEN theirs.name || '@' || substr(theirs.fingerprint, 1, 8) ELSE theirs.name END,
       theirs.fingerprint, theirs.n_images
FROM temp.dataset_map AS map
JOIN source.dataset AS theirs ON theirs.id = map.old
WHERE map.is_new
ORDER BY theirs.id;

UPDATE temp.dataset_map SET new = (
    SELECT ours.id FROM source.dataset AS theirs
    JOIN main.dataset AS ours ON ours.fingerprint = theirs.fingerprint
    WHERE theirs.id = old);

-- The ids of a dataset's domains, classes and images follow one another in the order of their positions (store.c).
INSERT INTO main.domain (id, dataset_id, position, name)
SELECT (SELECT coalesce(max(id), 0) FROM main.domain) + row_number() OVER (ORDER BY map.old, position), map.new, position,
       name
FROM temp.dataset_map AS map
JOIN source.domain ON domain.dataset_id = map.old
WHERE map.is_new;

INSERT INTO temp.domain_map
SELECT theirs.id, ours.id
FROM temp.dataset_map AS map
CROSS JOIN source.domain AS theirs ON theirs.dataset_id = map.old
CROSS JOIN main.domain AS ours ON ours.dataset_id = map.new AND ours.position = theirs.position
WHERE ours.name = theirs.name;

INSERT INTO main.class (id, dataset_id, position, name, text)
SELECT (SELECT coalesce(max(id), 0) FROM main.class) + row_number() OVER (ORDER BY map.old, position), map.new, position,
       name, text
FROM temp.dataset_map AS map
JOIN source.class ON class.dataset_id = map.old
WHERE map.is_new;

INSERT INTO temp.class_map
SELECT theirs.id, ours.id
FROM temp.dataset_map AS map
CROSS JOIN source.class AS theirs ON theirs.dataset_id = map.old
CROSS JOIN main.class AS ours ON ours.dataset_id = map.new AND ours.position = theirs.position
WHERE ours.name = theirs.name;

INSERT INTO main.image (id, dataset_id, position, domain_id, class_id, path, concept, sha256)
SELECT (SELECT coalesce(max(id), 0) FROM main.image) + row_number() OVER (ORDER BY map.old, position), map.new, position,
       (SELECT new FROM temp.domain_map WHERE old = domain_id), (SELECT new FROM temp.class_map WHERE old = class_id),
       path, concept, sha256
FROM temp.dataset_map AS map
JOIN source.image ON image.dataset_id = map.old
WHERE map.is_new;

INSERT INTO temp.image_map
SELECT theirs.id, ours.id
FROM temp.dataset_map AS map
CROSS JOIN source.image AS theirs ON theirs.dataset_id = map.old
CROSS JOIN main.image AS ours ON ours.dataset_id = map.new AND ours.position = theirs.position;

INSERT INTO temp.refusal
SELECT printf('dataset "%s" has other domains, classes or images than the one with the same fingerprint in', name)
FROM source.dataset
JOIN temp.dataset_map AS map ON map.old = dataset.id
WHERE EXISTS (SELECT 1 FROM source.domain WHERE dataset_id = map.old AND id NOT IN (SELECT old FROM temp.domain_map))
   OR EXISTS (SELECT 1 FROM source.class WHERE dataset_id = map.old AND id NOT IN (SELECT old FROM temp.class_map))
   OR EXISTS (SELECT 1 FROM source.image WHERE dataset_id = map.old AND id NOT IN (SELECT old FROM temp.image_map))
   OR (SELECT count(*) FROM source.domain WHERE dataset_id = map.old) <>
      (SELECT count(*) FROM main.domain WHERE dataset_id = map.new)
   OR (SELECT count(*) FROM source.class WHERE dataset_id = map.old) <>
      (SELECT count(*) FROM main.class WHERE dataset_id = map.new)
   OR (SELECT count(*) FROM source.image WHERE dataset_id = map.old) <>
      (SELECT count(*) FROM main.image WHERE dataset_id = map.new);

INSERT INTO main.environment (version, "commit", compiler, blas, cpu, cores)
SELECT version, "commit", compiler, blas, cpu, cores FROM source.environment WHERE true ORDER BY id
ON CONFLICT DO NOTHING;

INSERT INTO temp.environment_map
SELECT theirs.id, ours.id
FROM source.environment AS theirs
JOIN main.environment AS ours USING (version, "commit", compiler, blas, cpu, cores);

INSERT INTO temp.note
SELECT printf('experiment "%s" is read by other rules there (%s, %s, %s) than here (%s, %s, %s), which stay', theirs.name,
              theirs.selection, theirs.scored, theirs.stderr, ours.selection, ours.scored, ours.stderr), 0
FROM source.experiment AS theirs
JOIN main.experiment AS ours ON ours.name = theirs.name
WHERE (theirs.selection, theirs.scored, theirs.stderr) <> (ours.selection, ours.scored, ours.stderr)
ORDER BY theirs.name;

INSERT INTO temp.note
SELECT printf('experiment "%s" follows protocol "%s" there and "%s" here, which stays', theirs.name, theirs.protocol,
              ours.protocol), 0
FROM source.experiment AS theirs
JOIN main.experiment AS ours ON ours.name = theirs.name
WHERE theirs.protocol <> ours.protocol
ORDER BY theirs.name;

INSERT INTO main.experiment (name, protocol, selection, scored, stderr)
SELECT name, protocol, selection, scored, stderr FROM source.experiment WHERE true ORDER BY name
ON CONFLICT DO NOTHING;

INSERT INTO temp.note
SELECT printf('ip_oop_rule "%s" cuts otherwise there (%s) than here (%s), which stays', theirs.name, theirs.source,
              ours.source), 1
FROM source.ip_oop_rule AS theirs
JOIN main.ip_oop_rule AS ours ON ours.name = theirs.name
WHERE (theirs.scorer, theirs.kind, theirs.low, theirs.split, theirs.high) <>
      (ours.scorer, ours.kind, ours.low, ours.split, ours.high);

INSERT INTO main.ip_oop_rule (name, scorer, kind, low, split, high, source)
SELECT name, scorer, kind, low, split, high, source FROM source.ip_oop_rule WHERE true ORDER BY id
ON CONFLICT DO NOTHING;
