-- chapter: Early and explored hand-offs
-- title: How do early and explored hand-offs fare?
-- text: Leads released early because sales had time to spare, and leads picked at random to learn from, are measured
--   separately from those that qualified: they were chosen in a different way, so their acceptance describes a
--   different kind of lead.
-- kind: dots - handed_off_by rate rate_low rate_high
-- empty: No lead has been handed off yet.
SELECT CASE WHEN early THEN 'early release' WHEN explored THEN 'exploration' ELSE route END AS handed_off_by,
    count(*) AS hand_offs, count(decision) AS decided, count(*) FILTER (decision = 'accepted') AS accepted,
    rate(accepted, decided) AS rate, rate_low(accepted, decided) AS rate_low, rate_high(accepted, decided) AS rate_high,
    median(answered_hours) AS median_hours_to_answer,
    count(DISTINCT lead_id) FILTER (lead_id IN (SELECT lead_id FROM deals WHERE outcome = 'won')) AS leads_won
FROM handoffs
GROUP BY handed_off_by
ORDER BY hand_offs DESC, handed_off_by
