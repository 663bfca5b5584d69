-- title: Which customers bring the most margin?
-- text: Margin per deal won. The dot is the mean, pulled towards the overall mean as if 10 average deals with the
--   overall spread were added; the line is its 95 % interval (normal). The table has the plain mean, the amounts, and
--   the days from opening to winning: the median and the middle half of the deals.
-- kind: dots dimension segment margin_shrunk margin_low margin_high overall_margin
-- empty: No deal that was won has a margin yet.
WITH won AS (SELECT * FROM deals WHERE outcome = 'won' AND margin IS NOT NULL),
parts AS (
    UNPIVOT (SELECT industry, employees_band AS size, persona, amount, margin, cycle_days FROM won)
    ON industry, size, persona INTO NAME dimension VALUE segment),
overall AS (SELECT avg(margin) AS overall_margin, coalesce(var_samp(margin), 0) AS overall_variance FROM won),
segments AS (
    SELECT dimension, segment, count(*) AS won, sum(margin) AS total_margin, avg(margin) AS mean_margin,
        var_pop(margin) AS variance, avg(amount) AS mean_amount, quantile_cont(cycle_days, 0.25) AS cycle_days_p25,
        median(cycle_days) AS cycle_days_median, quantile_cont(cycle_days, 0.75) AS cycle_days_p75
    FROM parts
    GROUP BY dimension, segment),
drawn AS (
    SELECT *, shrunk(total_margin, won, overall_margin) AS margin_shrunk,
        -- the spread of the segment's deals and the 10 added ones about their own means, and of these two means
        sqrt(((won * variance + 10 * overall_variance) / (won + 10)
            + won * 10 / (won + 10) ** 2 * (mean_margin - overall_margin) ** 2) / (won + 10)) AS error
    FROM segments, overall)
SELECT dimension, segment, won, total_margin, mean_margin, margin_shrunk,
    margin_shrunk - 1.96 * error AS margin_low, margin_shrunk + 1.96 * error AS margin_high, overall_margin,
    mean_amount, cycle_days_p25, cycle_days_median, cycle_days_p75
FROM drawn
ORDER BY dimension, leading_number(segment), margin_shrunk DESC, segment
