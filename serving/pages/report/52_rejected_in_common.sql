-- title: What do rejected leads have in common?
-- text: How much more often something is found among rejected leads than among accepted ones: 2 means twice as often, 1
--   means no difference. Only what at least 5 decided leads have in common is shown. Both rates are pulled towards each
--   other, as if 10 average leads were added to each side. The line is the 95 % interval (Katz 1978). Where it crosses
--   1, the difference may be chance; and of so many lines, one in twenty misses 1 by chance alone.
-- kind: ratios dimension segment lift lift_low lift_high
-- empty: There are no rejected and accepted leads to compare yet.
WITH parts AS (
    UNPIVOT (SELECT industry, employees_band AS size, persona, zone, source, decision FROM handoffs
        WHERE decision IN ('accepted', 'rejected'))
    ON industry, size, persona, zone, source INTO NAME dimension VALUE segment),
counts AS (
    SELECT dimension, segment, count(*) FILTER (decision = 'rejected') AS rejected,
        count(*) FILTER (decision = 'accepted') AS accepted,
        sum(rejected) OVER d AS all_rejected, sum(accepted) OVER d AS all_accepted,
        (rejected + accepted) / (all_rejected + all_accepted) AS share
    FROM parts
    GROUP BY dimension, segment
    WINDOW d AS (PARTITION BY dimension)),
lifts AS (
    SELECT *, shrunk(rejected, all_rejected, share) / shrunk(accepted, all_accepted, share) AS lift,
        sqrt(1 / (rejected + 10 * share) - 1 / (all_rejected + 10)
            + 1 / (accepted + 10 * share) - 1 / (all_accepted + 10)) AS log_error
    FROM counts
    WHERE all_rejected > 0 AND all_accepted > 0 AND share < 1 AND rejected + accepted >= 5)
SELECT dimension, segment, rejected, accepted, rate(rejected, all_rejected) AS rejected_share,
    rate(accepted, all_accepted) AS accepted_share, lift,
    lift * exp(-1.96 * log_error) AS lift_low, lift * exp(1.96 * log_error) AS lift_high
FROM lifts
ORDER BY dimension, leading_number(segment), lift DESC, segment
