-- part: table
-- title: Provenance
-- caption: programs and machines that made the runs
SELECT version AS "dgbench", "commit" AS "Commit", compiler AS "Compiler", blas AS "BLAS", cpu AS "Processor", cores AS "Cores",
       threads AS "Threads per run", count(*) AS "Runs"
FROM run_shown
JOIN main.environment ON environment.id = environment_id
GROUP BY environment.id, threads
ORDER BY count(*) DESC;
