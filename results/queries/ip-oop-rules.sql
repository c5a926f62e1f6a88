-- title: The IP/OOP rules, and how many scorers each fits
SELECT name, scorer, kind, low, split, high,
       (SELECT count(*) FROM scorer WHERE scorer.name GLOB ip_oop_rule.scorer AND run_id IS NULL) AS scorers, source
FROM ip_oop_rule
ORDER BY id;
