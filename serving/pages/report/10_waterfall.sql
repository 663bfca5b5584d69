-- chapter: The waterfall
-- title: Where do leads stop?
-- text: Leads that ever reached each stage. "From before" counts those that came from the stage before; their share is
--   the step rate. The others joined here: tele generated and sales generated leads come from the side, so the stage
--   before them is the inquiry. The stage before sales accepted is tele qualified or tele generated. Where the
--   agreement sets no digital threshold, no lead is automation qualified. Recent inquiries have had less time than old
--   ones, so the last months pull every rate down a little.
-- kind: funnel stage leads = leads step_rate cumulative_rate
-- empty: No lead is known yet.
SELECT stage, count(reached_at) AS leads,
    count(*) FILTER (before_at <= reached_at) AS from_before,
    leads - from_before AS joined_here,
    rate(from_before, count(before_at)) AS step_rate,
    rate_low(from_before, count(before_at)) AS step_rate_low,
    rate_high(from_before, count(before_at)) AS step_rate_high,
    rate(leads, count(*)) AS cumulative_rate,
    rate_low(leads, count(*)) AS cumulative_rate_low,
    rate_high(leads, count(*)) AS cumulative_rate_high,
    median(days(before_at, reached_at)) FILTER (before_at <= reached_at) AS median_days_from_before
FROM stages
GROUP BY place, stage
ORDER BY place
