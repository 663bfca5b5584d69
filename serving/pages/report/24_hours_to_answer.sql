-- title: How long does sales take to answer?
-- text: Hours from the hand-off to the first decision, including nights and weekends also where promises
--   run in working time alone. The dot is the median, the line runs from the 10th to the 90th percentile. Hand-offs
--   without an answer are left out.
-- kind: dots answered_by name median_hours p10_hours p90_hours
-- empty: Sales has not answered a hand-off yet.
WITH parts AS (
    UNPIVOT (SELECT team, sales_rep, answered_hours FROM handoffs WHERE answered_hours IS NOT NULL)
    ON team, sales_rep INTO NAME answered_by VALUE name)
SELECT replace(answered_by, '_', ' ') AS answered_by, name, count(*) AS answers, median(answered_hours) AS median_hours,
    quantile_cont(answered_hours, 0.1) AS p10_hours, quantile_cont(answered_hours, 0.9) AS p90_hours
FROM parts
GROUP BY parts.answered_by, name
ORDER BY parts.answered_by DESC, median_hours, name
