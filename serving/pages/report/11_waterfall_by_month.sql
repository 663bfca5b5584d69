-- title: Does it get better from month to month?
-- text: Share of each month's inquiries that have reached the stage by now, with its 95 % interval. The leads of the
--   last months have had less time than the others.
-- kind: lines stage month rate rate_low rate_high
-- empty: No lead has come that far yet.
SELECT stage, month, count(*) AS inquiries, count(reached_at) AS leads,
    rate(leads, inquiries) AS rate, rate_low(leads, inquiries) AS rate_low, rate_high(leads, inquiries) AS rate_high
FROM stages
WHERE place > 1
GROUP BY place, stage, month
QUALIFY sum(leads) OVER (PARTITION BY stage) > 0
ORDER BY place, month
