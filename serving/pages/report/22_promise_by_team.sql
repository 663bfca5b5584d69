-- title: Which teams keep it?
-- text: Hand-offs by what became of their promise. The kept rate is of the promises whose time is over.
-- kind: bars team kept broken open not_promised = kept_rate
-- empty: No lead was handed off yet.
SELECT team, count(*) AS hand_offs, count(*) FILTER (promise_status = 'kept') AS kept,
    count(*) FILTER (promise_status = 'broken') AS broken, count(*) FILTER (promise_status = 'open') AS open,
    count(*) FILTER (promise_status = 'none') AS not_promised,
    rate(kept, kept + broken) AS kept_rate,
    rate_low(kept, kept + broken) AS kept_rate_low,
    rate_high(kept, kept + broken) AS kept_rate_high,
    shrunk(kept, kept + broken, sum(kept) OVER () / nullif(sum(kept + broken) OVER (), 0)) AS kept_rate_shrunk
FROM handoffs
GROUP BY team
ORDER BY hand_offs DESC, team
