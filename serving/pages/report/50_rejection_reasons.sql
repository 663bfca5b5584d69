-- chapter: Rejections
-- title: Why does sales reject leads?
-- text: Reasons for rejections, with the 95 % interval of their share.
-- kind: dots - reason share share_low share_high
-- empty: Sales has not rejected a lead yet.
SELECT reason, count(*) AS rejected, rate(rejected, sum(rejected) OVER ()) AS share,
    rate_low(rejected, sum(rejected) OVER ()) AS share_low, rate_high(rejected, sum(rejected) OVER ()) AS share_high
FROM handoffs
WHERE decision = 'rejected'
GROUP BY reason
ORDER BY rejected DESC, reason
