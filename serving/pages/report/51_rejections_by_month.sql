-- title: Do the reasons change over time?
-- text: Rejections by reason and the month of the decision.
-- kind: heat reason month rejected
-- empty: Sales has not rejected a lead yet.
SELECT reason, strftime(decided_at, '%Y-%m') AS month, count(*) AS rejected,
    rate(rejected, sum(rejected) OVER (PARTITION BY month)) AS share_of_month
FROM handoffs
WHERE decision = 'rejected'
GROUP BY reason, month
ORDER BY sum(rejected) OVER (PARTITION BY reason) DESC, reason, month
