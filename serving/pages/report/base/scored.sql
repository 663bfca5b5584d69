-- One row per lead in the last scoring or in that of the day before: what is to be done with it, and what was.
WITH now AS (SELECT s.* FROM scores s JOIN given_scorings g USING (as_of) WHERE scoring = 'last'),
earlier AS (SELECT s.* FROM scores s JOIN given_scorings g USING (as_of) WHERE scoring = 'before'),
asked AS (
    SELECT n.lead_id FROM now n JOIN {held} o ON o.lead_id = n.lead_id AND o.route = n.route
        AND n.as_of >= o.decided_at AND n.as_of < o.holds_to)
SELECT lead_id, n.route, e.route AS route_before, n.zone, n.team, n.urgent, n.early, n.explored,
    lead_id IN (FROM asked) AS overridden, on_list, nullif(agent, '') AS agent, coalesce(waits, false) AS waits,
    n.probability, n.threshold, e.probability AS probability_before, e.threshold AS threshold_before,
    ln(nullif(n.probability, 0) / nullif(1 - n.probability, 0))
        - ln(nullif(e.probability, 0) / nullif(1 - e.probability, 0)) AS change,
    n.next_question, n.look_again, n.changed
FROM now n FULL JOIN earlier e USING (lead_id) LEFT JOIN given_who USING (lead_id)
ORDER BY lead_id
