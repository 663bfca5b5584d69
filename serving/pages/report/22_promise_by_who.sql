-- title: Who keeps the promise?
-- text: Hand-offs by what became of their promise, first by team, then by the person who decided. The kept rate covers
--   the promises that were answered or whose time is over. Hand-offs that nobody answered have a row of their own.
-- kind: bars name kept broken open not_promised = kept_rate
-- empty: No lead has been handed off yet.
WITH parts AS (
    UNPIVOT (SELECT promise_status, 'team ' || team AS team, sales_rep FROM handoffs)
    ON team, sales_rep INTO NAME kept_by VALUE name)
SELECT replace(kept_by, '_', ' ') AS kept_by, name, count(*) AS hand_offs,
    count(*) FILTER (promise_status = 'kept') AS kept, count(*) FILTER (promise_status = 'broken') AS broken,
    count(*) FILTER (promise_status = 'open') AS open, count(*) FILTER (promise_status = 'none') AS not_promised,
    rate(kept, kept + broken) AS kept_rate,
    rate_low(kept, kept + broken) AS kept_rate_low,
    rate_high(kept, kept + broken) AS kept_rate_high,
    shrunk(kept, kept + broken, sum(kept) OVER of_all / nullif(sum(kept + broken) OVER of_all, 0)) AS kept_rate_shrunk
FROM parts
GROUP BY parts.kept_by, name
WINDOW of_all AS (PARTITION BY parts.kept_by)
ORDER BY parts.kept_by DESC, hand_offs DESC, name
