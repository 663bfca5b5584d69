-- chapter: The waterfall
-- title: Where do leads stop?
-- text: Leads that ever reached each stage. "From before": those that came from the stage before it, whose share is the
--   step rate; others joined here. Tele generated and sales generated leads come from the side, so their stage before is
--   the inquiry; before sales accepted comes tele qualified or tele generated. Where the agreement names no digital
--   threshold, nothing is automation qualified. Recent inquiries had less time than old
--   ones, so the last months pull every rate down a little.
-- kind: funnel stage leads = leads step_rate cumulative_rate
-- empty: No lead was known yet.
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
