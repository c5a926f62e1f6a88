-- title: Hyper-parameters of one run
-- :run  id of the run (see the query runs)
SELECT name, value FROM hparam WHERE run_id = :run ORDER BY name;
