-- title: What do the calls ask first?
-- text: The day's calls by the question that they begin with: the one whose answer may change most.
-- kind: bars next_question calls = calls share
SELECT coalesce(next_question, 'no question is open') AS next_question, count(*) AS calls,
    rate(calls, sum(calls) OVER ()) AS share
FROM scored WHERE on_list = 'calls'
GROUP BY ALL ORDER BY calls DESC, next_question
