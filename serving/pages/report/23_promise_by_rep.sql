-- title: Who keeps it?
-- text: The same by who decided. Where nobody answered, nobody is named: silence stands in a row of its own.
-- kind: bars sales_rep kept broken open not_promised = kept_rate
-- empty: No lead was handed off yet.
SELECT sales_rep, count(*) AS hand_offs, count(*) FILTER (promise_status = 'kept') AS kept,
    count(*) FILTER (promise_status = 'broken') AS broken, count(*) FILTER (promise_status = 'open') AS open,
    count(*) FILTER (promise_status = 'none') AS not_promised,
    rate(kept, kept + broken) AS kept_rate,
    rate_low(kept, kept + broken) AS kept_rate_low,
    rate_high(kept, kept + broken) AS kept_rate_high,
    shrunk(kept, kept + broken, sum(kept) OVER () / nullif(sum(kept + broken) OVER (), 0)) AS kept_rate_shrunk
FROM handoffs
GROUP BY sales_rep
ORDER BY hand_offs DESC, sales_rep
