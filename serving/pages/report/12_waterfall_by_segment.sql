-- title: How far do leads come, by industry and company size?
-- text: Share of the inquiries that reached each stage; the darker the cell, the higher the share within its stage.
--   Small segments are pulled towards the overall mean, as if 10 average leads were added; the table also has the plain
--   rate with its interval.
-- kind: heat segment stage rate_shrunk
-- empty: No lead has come that far yet.
WITH parts AS (
    UNPIVOT (SELECT place, stage, reached_at,
        CASE industry WHEN 'unknown' THEN 'industry unknown' ELSE industry END AS industry,
        CASE employees_band WHEN 'unknown' THEN 'size unknown' ELSE employees_band || ' employees' END AS size FROM stages)
    ON industry, size INTO NAME segmented_by VALUE segment)
SELECT segmented_by, segment, count(*) AS inquiries, stage, count(reached_at) AS leads,
    rate(leads, inquiries) AS rate, rate_low(leads, inquiries) AS rate_low, rate_high(leads, inquiries) AS rate_high,
    shrunk(leads, inquiries, sum(leads) OVER s / sum(inquiries) OVER s) AS rate_shrunk
FROM parts
WHERE place > 1
GROUP BY segmented_by, segment, place, stage
WINDOW s AS (PARTITION BY segmented_by, place)
QUALIFY sum(leads) OVER s > 0
ORDER BY segmented_by, leading_number(segment), inquiries DESC, segment, place
