-- title: Which industries come how far?
-- text: Share of the inquiries that reached each stage; the darker, the higher within its stage. Small segments are drawn
--   toward the mean of all, as if 10 average leads were added; the table has the plain rate with its interval as well.
-- kind: heat industry stage rate_shrunk
-- empty: No lead got that far yet.
SELECT industry, count(*) AS inquiries, stage, count(reached_at) AS leads,
    rate(leads, inquiries) AS rate, rate_low(leads, inquiries) AS rate_low, rate_high(leads, inquiries) AS rate_high,
    shrunk(leads, inquiries, sum(leads) OVER s / sum(inquiries) OVER s) AS rate_shrunk
FROM stages
WHERE place > 1
GROUP BY industry, place, stage
WINDOW s AS (PARTITION BY place)
QUALIFY sum(leads) OVER s > 0
ORDER BY leading_number(industry), inquiries DESC, industry, place
