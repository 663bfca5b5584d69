-- chapter: The perfect prospect profile
-- title: Who buys?
-- text: Share of closed deals that were won, by industry, size and persona. The dot and the line are the rate and its
--   95 % interval, pulled towards the overall mean as if 10 average deals were added, so that three lucky deals do not
--   make a segment. The table also has the plain rate. The dashed line is the rate of all deals together.
-- kind: dots dimension segment rate_shrunk rate_shrunk_low rate_shrunk_high overall_rate
-- empty: No deal has been closed yet.
WITH parts AS (
    UNPIVOT (SELECT industry, employees_band AS size, persona, outcome, cycle_days FROM deals WHERE outcome <> 'open')
    ON industry, size, persona INTO NAME dimension VALUE segment)
SELECT dimension, segment, count(*) AS closed, count(*) FILTER (outcome = 'won') AS won,
    rate(won, closed) AS rate, rate_low(won, closed) AS rate_low, rate_high(won, closed) AS rate_high,
    sum(won) OVER d / sum(closed) OVER d AS overall_rate,
    shrunk(won, closed, overall_rate) AS rate_shrunk,
    shrunk_low(won, closed, overall_rate) AS rate_shrunk_low,
    shrunk_high(won, closed, overall_rate) AS rate_shrunk_high,
    median(cycle_days) FILTER (outcome = 'won') AS median_days_to_win
FROM parts
GROUP BY dimension, segment
WINDOW d AS (PARTITION BY dimension)
ORDER BY dimension, leading_number(segment), rate_shrunk DESC, segment
