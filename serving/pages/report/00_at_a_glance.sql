-- chapter: At a glance
-- title: What has happened so far?
-- text: Everything known on this day, since the beginning of the data. The brackets after a rate hold its 95 %
--   interval.
-- kind: tiles
-- empty: No lead is known yet.
WITH l AS (SELECT count(*) AS leads, count(won_at) AS won, min(inquiry_at) AS since FROM leads),
h AS (
    SELECT count(*) AS handed, count(decision) AS decided, count(*) FILTER (decision = 'accepted') AS accepted,
        count(*) FILTER (promise_status = 'kept') AS kept, count(*) FILTER (promise_status = 'broken') AS broken,
        count(*) FILTER (promise_status = 'open') AS waiting
    FROM handoffs),
d AS (SELECT coalesce(sum(margin) FILTER (outcome = 'won'), 0) AS margin, count(*) FILTER (outcome = 'open') AS open FROM deals)
SELECT unnest([
    {name: 'leads', value: format('{:,}', leads), note: 'since ' || strftime(since, '%Y-%m-%d')},
    {name: 'hand-offs', value: format('{:,}', handed), note: format('{:,} decided on by sales', decided)},
    {name: 'accepted', value: pct(rate(accepted, decided)),
     note: format('of those decided on ({} to {})', pct(rate_low(accepted, decided)), pct(rate_high(accepted, decided)))},
    {name: 'promises kept', value: pct(rate(kept, kept + broken)),
     note: format('{:,} kept, {:,} broken, {:,} still open', kept, broken, waiting)},
    {name: 'leads won', value: format('{:,}', won), note: format('{:,} deals still open', open)},
    {name: 'margin', value: format('{:,}', round(margin)::BIGINT), note: 'of deals won'}
], recursive := true)
FROM l, h, d
WHERE leads > 0
