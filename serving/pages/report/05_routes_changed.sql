-- title: Which routes did leads change?
-- text: Leads in both scorings whose route is another one now. The rows are the routes of the day before, the columns those
--   of the last scoring; the darker the cell, the more leads.
-- kind: heat route_before route leads
SELECT route_before, route, count(*) AS leads
FROM scored
WHERE route <> route_before
GROUP BY route_before, route
ORDER BY sum(count(*)) OVER (PARTITION BY route_before) DESC, route_before, route
