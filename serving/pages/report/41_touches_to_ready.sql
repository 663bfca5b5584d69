-- title: How many touches and calls before the hand-off?
-- text: Share of the accepted and of the rejected leads by the number of touches and calls before the hand-off. The
--   table adds how many leads of each group sales accepted, and the calls that reached the person.
-- kind: histogram touches_and_calls accepted_share rejected_share
-- empty: Sales has not decided on a lead yet.
WITH decided AS (
    SELECT *, touches_before + calls_before AS contacts FROM handoffs WHERE decision IN ('accepted', 'rejected')),
bins(place, touches_and_calls, low, high) AS (
    VALUES (1, '0 to 3', 0, 3), (2, '4 to 6', 4, 6), (3, '7 to 9', 7, 9), (4, '10 to 13', 10, 13),
        (5, '14 to 20', 14, 20), (6, '21 to 30', 21, 30), (7, '31 and more', 31, NULL))
SELECT touches_and_calls, count(*) FILTER (decision = 'accepted') AS accepted,
    count(*) FILTER (decision = 'rejected') AS rejected,
    rate(accepted, sum(accepted) OVER ()) AS accepted_share, rate(rejected, sum(rejected) OVER ()) AS rejected_share,
    rate(accepted, accepted + rejected) AS acceptance_rate,
    rate_low(accepted, accepted + rejected) AS acceptance_rate_low,
    rate_high(accepted, accepted + rejected) AS acceptance_rate_high,
    avg(touches_before) AS mean_touches, avg(calls_before) AS mean_calls, avg(connects_before) AS mean_connects
FROM bins LEFT JOIN decided ON contacts >= low AND (contacts <= high OR high IS NULL)
WHERE EXISTS (FROM decided)
GROUP BY place, touches_and_calls
ORDER BY place
