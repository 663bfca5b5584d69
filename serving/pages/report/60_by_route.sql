-- chapter: Early and explored hand-offs
-- title: How do early and explored hand-offs fare?
-- text: Leads released early to fill free hours of sales, and leads drawn at random to learn from, are measured apart from
--   those that qualified: they were chosen otherwise, so their acceptance tells about another kind of lead.
-- kind: dots - handed_off_by rate rate_low rate_high
-- empty: No lead was handed off yet.
SELECT CASE WHEN early THEN 'early release' WHEN explored THEN 'exploration' ELSE route END AS handed_off_by,
    count(*) AS hand_offs, count(decision) AS decided, count(*) FILTER (decision = 'accepted') AS accepted,
    rate(accepted, decided) AS rate, rate_low(accepted, decided) AS rate_low, rate_high(accepted, decided) AS rate_high,
    median(answered_hours) AS median_hours_to_answer,
    count(DISTINCT lead_id) FILTER (lead_id IN (SELECT lead_id FROM deals WHERE outcome = 'won')) AS leads_won
FROM handoffs
GROUP BY handed_off_by
ORDER BY hand_offs DESC, handed_off_by
