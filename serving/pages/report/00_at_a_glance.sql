-- chapter: At a glance
-- title: What happened so far?
-- text: All that was known on this day, since the beginning of the data. Where a rate stands, the brackets hold its 95 %
--   interval.
-- kind: tiles
-- empty: No lead was known yet.
WITH l AS (SELECT count(*) AS leads, count(won_at) AS won, min(inquiry_at) AS since FROM leads),
h AS (
    SELECT count(*) AS handed, count(decision) AS decided, count(*) FILTER (decision = 'accepted') AS accepted,
        count(*) FILTER (promise_status = 'kept') AS kept, count(*) FILTER (promise_status = 'broken') AS broken,
        count(*) FILTER (promise_status = 'open') AS waiting
    FROM handoffs),
d AS (SELECT coalesce(sum(margin) FILTER (outcome = 'won'), 0) AS margin, count(*) FILTER (outcome = 'open') AS open FROM deals)
SELECT unnest([
    {name: 'leads', value: format('{:,}', leads), note: 'since ' || strftime(since, '%Y-%m-%d')},
    {name: 'hand-offs', value: format('{:,}', handed), note: format('{:,} decided by sales', decided)},
    {name: 'accepted', value: pct(rate(accepted, decided)),
     note: format('of those decided ({} to {})', pct(rate_low(accepted, decided)), pct(rate_high(accepted, decided)))},
    {name: 'promise kept', value: pct(rate(kept, kept + broken)),
     note: format('{:,} kept, {:,} broken, {:,} still open', kept, broken, waiting)},
    {name: 'leads won', value: format('{:,}', won), note: format('{:,} deals still open', open)},
    {name: 'margin', value: format('{:,}', round(margin)::BIGINT), note: 'of deals won'}
], recursive := true)
FROM l, h, d
WHERE leads > 0
