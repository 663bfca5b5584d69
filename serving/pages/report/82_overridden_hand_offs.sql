-- title: How do hand-offs that people asked for fare?
-- text: The share that sales accepted of the hand-offs it decided on, with its 95 % interval, beside the other hand-offs of
--   the same time. The dashed line is what the model had said of them on average. Shown from 20 decided ones on.
-- kind: dots - handed_off rate rate_low rate_high model_said_rate
WITH asked AS (
    SELECT min(handed_off_at) AS first, max(handed_off_at) AS last, count(decision) AS decided FROM handoffs WHERE overridden)
SELECT CASE WHEN overridden THEN 'after an override' ELSE 'others of the same time' END AS handed_off,
    count(*) AS hand_offs, count(decision) AS decided, count(*) FILTER (decision = 'accepted') AS accepted,
    rate(accepted, count(decision)) AS rate, rate_low(accepted, count(decision)) AS rate_low,
    rate_high(accepted, count(decision)) AS rate_high,
    avg(scored_probability) FILTER (decision IS NOT NULL) AS model_said_rate,
    count(scored_probability) FILTER (decision IS NOT NULL) AS model_said_of
FROM handoffs, asked
WHERE handed_off_at BETWEEN first AND last AND asked.decided >= 20
GROUP BY overridden
ORDER BY overridden DESC
