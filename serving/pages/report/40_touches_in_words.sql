-- chapter: Touches to ready
-- title: Does a lead need seven to thirteen touches?
-- text: A rule of thumb says that it takes 7 to 13 touches before a lead is ready. This counts the lead's own
--   touches and all calls before the hand-off that sales decided on, without bots and our own mailings.
-- kind: answer
-- empty: Sales has not accepted a lead yet.
SELECT count(*) FILTER (decision = 'accepted') AS accepted,
    median(touches_before + calls_before) FILTER (decision = 'accepted') AS median_accepted,
    median(touches_before + calls_before) FILTER (decision = 'rejected') AS median_rejected,
    count(*) FILTER (decision = 'accepted' AND touches_before + calls_before < 7) AS below_7,
    count(*) FILTER (decision = 'accepted' AND touches_before + calls_before BETWEEN 7 AND 13) AS within_7_13,
    accepted - below_7 - within_7_13 AS above_13,
    rate(within_7_13, accepted) AS within_share,
    rate_low(within_7_13, accepted) AS within_share_low,
    rate_high(within_7_13, accepted) AS within_share_high,
    format('{}: half of the {:,} accepted leads had {} or more touches and calls before the hand-off{}. {} of them had 7 to '
        || '13 ({} to {}), {} had more and {} had fewer.',
        CASE WHEN median_accepted > 13 THEN 'It needs even more' WHEN median_accepted >= 7 THEN 'Yes' ELSE 'It needs fewer here' END,
        accepted, replace(round(median_accepted, 1)::VARCHAR, '.0', ''),
        coalesce(' (of the rejected leads: ' || replace(round(median_rejected, 1)::VARCHAR, '.0', '') || ')', ''),
        pct(within_share), pct(within_share_low), pct(within_share_high), pct(rate(above_13, accepted)),
        pct(rate(below_7, accepted))) AS answer
FROM handoffs
HAVING accepted > 0
